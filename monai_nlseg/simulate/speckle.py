"""Ultrasound images from maps of echogenicity: scatterers, pulse and beam, envelope, log compression."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates
from scipy.signal import fftconvolve, hilbert

SOUND_MM_PER_US = 1.54
FWHM_TO_SIGMA = 1 / (2 * math.sqrt(2 * math.log(2)))
SAMPLES_PER_PERIOD = 4


@dataclass(frozen=True)
class Probe:
    """A probe, which decides the point spread function.

    Args:
        frequency: centre frequency in MHz.
        cycles: full width at half maximum of the pulse in periods.
        beam: full width at half maximum of the beam at its focus in mm.
        focus: depth of the focus in mm.
        spread: growth of the beam's width per mm of distance to the focus.
        looks: envelopes of independent speckle that are averaged (spatial compounding); 1 leaves it fully developed.
    """

    frequency: float
    cycles: float = 1.5
    beam: float = 0.4
    focus: float = 15.0
    spread: float = 0.03
    looks: int = 1

    def beam_width(self, depth: np.ndarray) -> np.ndarray:
        """Return the full width at half maximum of the beam in mm, at each ``depth`` in mm."""
        return np.hypot(self.beam, self.spread * (depth - self.focus))


@dataclass(frozen=True)
class Sector:
    """The lines of a curved array, and the image that a scanner makes of them.

    Args:
        radius: radius of the array in mm.
        half_angle: angle between the middle line and the last, in radians.
        depth: length of a line in mm.
        lines: number of lines.
        samples: samples of a line.
    """

    radius: float
    half_angle: float
    depth: float
    lines: int
    samples: int

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lateral position, and the depth below the array's highest point, of each sample.

        Returns:
            Two arrays in mm, (samples, lines) each.
        """
        along = self.radius + np.linspace(0, self.depth, self.samples)[:, None]
        angles = np.linspace(-self.half_angle, self.half_angle, self.lines)
        return along * np.sin(angles), along * np.cos(angles) - self.radius

    def spacing(self) -> tuple[float, np.ndarray]:
        """Return the distance of samples along a line, and that of lines at each sample, (samples,), in mm."""
        along = self.radius + np.linspace(0, self.depth, self.samples)
        return self.depth / (self.samples - 1), along * 2 * self.half_angle / (self.lines - 1)

    def convert(self, lines: np.ndarray, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Interpolate values of the lines at positions.

        Args:
            lines: values, (samples, lines).
            x: lateral positions in mm, of any shape.
            z: depths below the array's highest point in mm, of the same shape.

        Returns:
            The values, and whether the lines reach a position, of that shape.
        """
        along = np.hypot(x, z + self.radius) - self.radius
        angle = np.arctan2(x, z + self.radius)
        row = along / self.depth * (self.samples - 1)
        column = (angle / self.half_angle + 1) / 2 * (self.lines - 1)
        inside = (row >= 0) & (row <= self.samples - 1) & (column >= 0) & (column <= self.lines - 1)
        return map_coordinates(lines, [row, column], order=1, mode="nearest"), inside


def attenuate(
    echo: np.ndarray, attenuation: np.ndarray, spacing: tuple[float, float | np.ndarray], probe: Probe
) -> np.ndarray:
    """Weaken echoes by the attenuation of the tissue above them.

    Args:
        echo: echogenicity in dB, (rows, columns).
        attenuation: one-way attenuation in dB/mm beyond what the time gain compensates; below 0 it enhances.
        spacing: mm between rows, and between columns (one number, or one for each row).
        probe: the probe, whose beam width blurs the shadows' edges.

    Returns:
        Echogenicity in dB, of the same shape.
    """
    rows, lateral = spacing
    loss = 2 * rows * (np.cumsum(attenuation, axis=0) - attenuation / 2)
    return echo - gaussian_filter1d(loss, 1.5 * probe.beam / float(np.mean(lateral)), axis=1, mode="nearest")


def echo_envelope(
    echo: np.ndarray, spacing: tuple[float, float | np.ndarray], probe: Probe, rng: np.random.Generator
) -> np.ndarray:
    r"""Return the envelope of the echoes of random scatterers.

    Scatterers :math:`s` are normal with a standard deviation of :math:`10^{echo / 20}`; the radio-frequency line is
    :math:`s * h`, with :math:`h(z, x) = \exp(-z^2 / 2 \sigma_z^2) \cos(4 \pi f z / c) \exp(-x^2 / 2 \sigma_x(z)^2)`;
    the envelope is the absolute value of its analytic signal (Hilbert). Where the echogenicity is uniform and there is
    one look, it is Rayleigh distributed: mean / standard deviation = 1.91.

    Args:
        echo: echogenicity in dB, (rows, columns); rows are depths.
        spacing: mm between rows, and between columns (one number, or one for each row).
        probe: pulse and beam.
        rng: source of the scatterers.

    Returns:
        Envelope of root mean square 1 where ``echo`` is 0, of the same shape.

    Source: Wagner et al., "Statistics of speckle in ultrasound B-scans", IEEE Transactions on Sonics and Ultrasonics
    30 (1983); Bamber and Dickinson, "Ultrasonic B-scanning: a computer simulation", Phys. Med. Biol. 25 (1980).
    """
    rows, columns = echo.shape
    axial, lateral = spacing
    period = SOUND_MM_PER_US / (2 * probe.frequency)
    # The lines are sampled finer than the image's rows, as the pulse's period needs.
    factor = max(1, math.ceil(SAMPLES_PER_PERIOD * axial / period))
    amplitude = np.repeat(10 ** (echo.astype(np.float32) / 20), factor, axis=0)
    pulse = _pulse(axial / factor, period, probe.cycles)[:, None]
    sigma = probe.beam_width(axial * np.arange(rows)) * FWHM_TO_SIGMA / np.broadcast_to(lateral, rows)
    margin = min(columns - 1, math.ceil(3 * float(sigma.max())))
    frequencies = np.fft.fftfreq(columns + 2 * margin)
    beam = np.exp(-2 * (np.pi * sigma[:, None] * frequencies) ** 2)
    beam = (beam / np.sqrt(np.mean(beam**2, axis=1, keepdims=True))).astype(np.float32)
    envelope = np.zeros(echo.shape, np.float32)
    for _ in range(probe.looks):
        lines = fftconvolve(rng.standard_normal(amplitude.shape, dtype=np.float32) * amplitude, pulse, "same", axes=0)
        analytic = hilbert(lines, axis=0)[factor // 2 :: factor]
        padded = np.pad(analytic, ((0, 0), (margin, margin)), mode="reflect")
        focused = np.fft.ifft(np.fft.fft(padded, axis=1) * beam, axis=1)
        envelope += np.abs(focused[:, margin : margin + columns])
    return envelope / probe.looks


def log_compress(
    envelope: np.ndarray, dynamic_range: float, gain: float, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the grey values of an envelope by logarithmic compression.

    Args:
        envelope: (rows, columns).
        dynamic_range: dB from black to white.
        gain: dB above black of an envelope of 1.
        noise: level of the electronic noise in dB.
        rng: source of the noise.

    Returns:
        (rows, columns) uint8.
    """
    floor = 10 ** (noise / 20) * rng.rayleigh(math.sqrt(0.5), envelope.shape)
    level = 20 * np.log10(np.hypot(envelope, floor) + 1e-9) + gain
    return np.rint(255 * np.clip(level / dynamic_range, 0, 1)).astype(np.uint8)


def _pulse(step: float, period: float, cycles: float) -> np.ndarray:
    """Return a Gaussian-modulated cosine that keeps the power of white noise through envelope detection."""
    sigma = cycles * period * FWHM_TO_SIGMA
    count = math.ceil(3.5 * sigma / step)
    z = step * np.arange(-count, count + 1)
    pulse = np.exp(-((z / sigma) ** 2) / 2) * np.cos(2 * np.pi * z / period)
    # The analytic signal has twice the power of the line.
    return (pulse / np.sqrt(2 * np.sum(pulse**2))).astype(np.float32)
