from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.simulate.speckle import Probe, Sector, attenuate, echo_envelope, log_compress

SPACING = (0.1, 0.1)


def envelope(echo, seed=0, spacing=SPACING, **options):
    probe = Probe(**{"frequency": 6.0, "beam": 0.3, "focus": 10.0, **options})
    return echo_envelope(echo, spacing, probe, np.random.default_rng(seed))


@pytest.mark.parametrize("spacing", [(0.1, 0.1), (0.05, 0.08), (0.1, np.linspace(0.08, 0.15, 400))])
def test_uniform_region_is_fully_developed_speckle(spacing):
    found = envelope(np.zeros((400, 300)), spacing=spacing)[20:-20]
    assert found.mean() / found.std() == pytest.approx(1.913, abs=0.06)  # sqrt(pi / (4 - pi))
    assert np.mean(found**2) == pytest.approx(1, abs=0.08)


def test_looks_smooth_speckle():
    single, averaged = (envelope(np.zeros((300, 200)), looks=looks)[20:-20] for looks in (1, 4))
    gain = (averaged.mean() / averaged.std()) / (single.mean() / single.std())
    assert gain == pytest.approx(2, abs=0.15)


def test_echogenicity_scales_the_envelope():
    np.testing.assert_allclose(envelope(np.full((80, 60), -20.0)), 0.1 * envelope(np.zeros((80, 60))), rtol=1e-4)


def test_speckle_widens_off_the_focus():
    found = envelope(np.zeros((400, 400)), spread=0.05, focus=10.0) ** 2

    def correlation(rows):
        part = found[rows] - found[rows].mean()
        return (part[:, 4:] * part[:, :-4]).mean() / (part**2).mean()

    assert correlation(slice(80, 120)) < correlation(slice(300, 380)) - 0.1


def test_higher_frequency_resolves_finer_depths():
    def length(frequency):
        found = envelope(np.zeros((600, 100)), spacing=(0.03, 0.2), frequency=frequency) ** 2
        part = found[30:-30] - found.mean()
        return (part[3:] * part[:-3]).mean() / (part**2).mean()

    assert length(10.0) < length(4.0) - 0.2


def test_attenuation_makes_shadows_and_enhancement():
    echo, attenuation = np.zeros((100, 90)), np.zeros((100, 90))
    attenuation[40:50, 20:30] = 5.0  # 1 mm of it: 10 dB there and back
    attenuation[40:50, 60:70] = -2.0
    found = attenuate(echo, attenuation, SPACING, Probe(6.0, beam=0.1))
    np.testing.assert_allclose(found[:39], 0, atol=1e-9)
    assert found[60, 25] == pytest.approx(-10, abs=0.1) and found[60, 65] == pytest.approx(4, abs=0.1)
    assert found[60, 45] == pytest.approx(0, abs=0.1)
    grey = log_compress(envelope(found), 60.0, 40.0, -60.0, np.random.default_rng(1)).astype(float)
    assert grey[55:, 21:29].mean() < grey[55:, 40:50].mean() - 20 < grey[55:, 61:69].mean() - 20


def test_log_compression():
    rng = np.random.default_rng(0)
    levels = 10 ** (np.array([[-100.0, -40, -10, 0, 40]]) / 20)
    assert log_compress(levels, 60.0, 40.0, -200.0, rng).tolist() == [[0, 0, 128, 170, 255]]
    noise = log_compress(np.zeros((200, 200)), 60.0, 60.0, -20.0, rng)
    assert 255 * (40 - 4) / 60 < noise.mean() < 255 * 40 / 60


def test_sector_puts_samples_where_they_came_from():
    sector = Sector(radius=40.0, half_angle=0.5, depth=80.0, lines=120, samples=160)
    x, z = sector.positions()
    assert x.shape == z.shape == (160, 120)
    assert z[0, 60] == pytest.approx(0, abs=0.01) and z.max() == pytest.approx(80, abs=0.1)
    columns, rows = np.meshgrid(np.linspace(-60, 60, 70), np.linspace(-5, 90, 60))
    for field, expected in ((x, columns), (z, rows)):
        values, inside = sector.convert(field, columns, rows)
        np.testing.assert_allclose(values[inside], expected[inside], atol=0.05)
        assert 0.3 < inside.mean() < 0.8 and not inside[0].any()
    along, across = sector.spacing()
    assert along == pytest.approx(np.hypot(x[1, 0] - x[0, 0], z[1, 0] - z[0, 0]))
    np.testing.assert_allclose(across, np.hypot(x[:, 1] - x[:, 0], z[:, 1] - z[:, 0]), rtol=1e-3)
