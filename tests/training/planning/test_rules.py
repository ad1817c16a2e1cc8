"""What the rules choose for data sets of different kinds."""

from __future__ import annotations

import pytest
import torch.nn as nn

from monai_nlseg.training.planning import augmentation, division, geometry, intensity, sampling, schedule
from monai_nlseg.training.planning.precision import choose_precision
from monai_nlseg.training.planning.processor import Processor
from tests.training.planning import fingerprints
from tests.training.planning.fingerprints import pictures, volumes


class TestGeometry:
    def test_equal_spacings_are_left(self):
        assert geometry.choose_spacing(volumes(count=3)).value is None

    def test_different_spacings_are_resampled_to_the_median(self):
        found = volumes(count=3, spacings=[(1.0, 1.0, 1.0), (1.0, 1.0, 1.5), (1.2, 1.0, 2.0)])
        choice = geometry.choose_spacing(found)
        # Stored as right, superior, anterior; the target is along right, anterior, superior.
        assert choice.value == (1.0, 1.5, 1.0) and "factor of 2.00" in choice.reason

    def test_the_coarsest_axis_of_anisotropic_voxels_is_resampled_finer(self):
        thick = [(0.5, float(mm), 0.5) for mm in (3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5)]
        assert geometry.choose_spacing(volumes(count=11, spacings=thick)).value == (0.5, 0.5, 4.0)

    def test_pictures_are_resized_near_their_shape_to_sides_that_the_network_takes(self):
        assert geometry.choose_size(pictures(shape=(480, 600)), 32).value == (288, 352)
        assert geometry.choose_size(pictures(shape=(480, 600)), 64).value == (256, 384)

    def test_small_structures_get_larger_pictures(self):
        assert geometry.choose_size(pictures(shape=(1000, 1000), thickness=20.0), 32).value == (512, 512)

    def test_small_pictures_are_not_enlarged(self):
        assert geometry.choose_size(pictures(shape=(96, 130), thickness=20.0), 32).value == (96, 128)

    @pytest.mark.parametrize(
        ("shape", "width", "size"),
        [((960, 999), 6.0, None), ((2336, 3504), 12.0, (1568, 2336)), ((584, 565), 3.5, None)],
    )
    def test_thin_structures_keep_their_width_up_to_8_pixels(self, shape, width, size):
        found = pictures(shape=shape, thickness=width, names=("vessel",))
        assert geometry.is_thin(found) and geometry.choose_size(found, 16).value == size


class TestIntensity:
    def test_stripped_heads_keep_their_zeros(self):
        assert intensity.choose_intensity(volumes()).value[0].kind == "zscore-nonzero"

    def test_heads_with_air_do_not(self):
        air = [fingerprints.intensity(zeros=0.2, zero_border=0.4)]
        assert intensity.choose_intensity(volumes(intensities=air)).value[0].kind == "zscore"

    def test_a_ct_is_clipped_to_its_foreground(self):
        ct = fingerprints.intensity(minimum=-1024.0, percentiles=(-90.0, 100.0, 300.0), mean=100.0, deviation=40.0)
        mr = fingerprints.intensity(zero_border=0.0)
        both = intensity.choose_intensity(volumes(intensities=[ct, mr], channels=("a", "b")))
        assert both.value[0].model_dump() == {
            "kind": "range",
            "lower": -90.0,
            "upper": 300.0,
            "mean": 100.0,
            "deviation": 40.0,
        }
        assert both.value[1].kind == "zscore" and "a: smallest values of -1024" in both.reason

    def test_pictures_are_divided_by_the_range_of_their_type_unless_structures_are_thin(self):
        assert intensity.choose_intensity(pictures()).value[0].kind == "unit"
        assert intensity.choose_intensity(pictures(shape=(960, 999), thickness=5.0)).value[0].kind == "zscore"


class TestWindow:
    @pytest.mark.parametrize(
        ("shape", "spacing", "window"),
        [
            ((256, 256, 128), (1.0, 1.0, 1.0), (48, 48, 48)),
            ((20, 200, 200), (1.0, 1.0, 1.0), (20, 76, 76)),
            ((400, 20, 400), (0.6, 6.0, 0.6), (104, 104, 16)),  # stored as right, superior, anterior
        ],
    )
    def test_volumes(self, shape, spacing, window):
        found = volumes(shape=shape, spacing=spacing)
        assert sampling.choose_window(found, None, None, 4, 16, gpu=False).value == window

    def test_more_on_a_gpu(self):
        assert sampling.choose_window(volumes(), None, None, 4, 16, gpu=True).value == (64, 64, 64)

    def test_whole_pictures_and_windows_of_thin_structures(self):
        assert sampling.choose_window(pictures(), None, (288, 352), 32, 64, gpu=False).value == (288, 352)
        thin = pictures(shape=(960, 999), thickness=6.0)
        assert sampling.choose_window(thin, None, None, 16, 32, gpu=False).value == (128, 128)


class TestFlips:
    @pytest.mark.parametrize(
        "names",
        [
            ("kidney left", "kidney right"),
            ("Hippocampus_L",),
            ("lh.cortex",),
            ("kidneyRight",),
            ("R kidney",),
            ("LKidney",),
            ("lung_L_upper",),
        ],
    )
    def test_sided_classes_forbid_them(self, names):
        choice = augmentation.choose_flips(volumes(names=names))
        assert choice.value == () and f"'{names[0]}'" in choice.reason

    @pytest.mark.parametrize("names", [("bright", "skull"), ("CSF",), ("upright", "level"), ("liver",), ("L1", "L2")])
    def test_other_names_do_not(self, names):
        assert augmentation.choose_flips(volumes(names=names)).value == (0,)

    def test_classes_without_names_forbid_them(self):
        choice = augmentation.choose_flips(volumes(names=("label 17", "label 53")))
        assert choice.value == () and "'label 17'" in choice.reason and "flip_axes=[0]" in choice.reason
        assert augmentation.choose_flips(volumes(names=("foreground",))).value == (0,)

    def test_pictures(self):
        assert augmentation.choose_flips(pictures()).value == (1,)
        assert augmentation.choose_flips(pictures(shape=(960, 999), thickness=6.0)).value == (0, 1)


def test_slices_are_turned_within_their_plane_only():
    chosen = augmentation.choose_augmentation(volumes(), [], (0.5, 0.5, 5.0))
    assert chosen["rotation"].value == (0.0, 0.0, 0.26) and "5 mm apart" in chosen["rotation"].reason


class TestLength:
    def test_hours_are_kept_with_few_validations(self):
        for seconds in (720.0, 3600.0, 36_000.0):
            for step, validation in ((0.2, 1.0), (2.0, 30.0), (1.0, 60.0)):
                length = schedule.choose_length(seconds, None, schedule.Pace(step, validation)).value
                epochs = schedule.epochs(length)
                assert epochs * length.epoch == length.iterations
                validations = -(-epochs // length.validation_interval)
                assert 1 <= validations <= 10 and (validations == 1 or validations * validation <= 0.15 * seconds)
                whole = length.iterations * step + (validations + 2) * validation
                assert 0.8 * seconds < whole < seconds

    def test_long_trainings_have_checkpoints_in_between(self):
        length = schedule.choose_length(36_000.0, None, schedule.Pace(2.0, 30.0)).value
        assert length.validation_interval > 5 and length.epoch * 2.0 < 600

    @pytest.mark.parametrize("iterations", [1, 7, 100, 101, 2500])
    def test_iterations_are_kept(self, iterations):
        length = schedule.choose_length(None, iterations, None).value
        assert length.iterations == iterations and schedule.epochs(length) <= 11

    def test_too_little_time_is_refused_with_what_would_suffice(self):
        with pytest.raises(ValueError, match=r"36 s for a training suffice for 0 steps of 5 s.* allow 3 min"):
            schedule.choose_length(36.0, None, schedule.Pace(5.0, 30.0))


class TestDivision:
    def test_few_subjects_are_not_held_out(self):
        assert division.choose_test_share(volumes(count=9), 1).value == 0
        assert division.choose_test_share(pictures(count=100), 1).value == 0.15
        assert division.choose_test_share(pictures(count=100), 5).value == 0

    @pytest.mark.parametrize("count", [2, 3, 5, 10, 100, 1000])
    def test_there_is_always_someone_to_validate_on_and_more_to_train_on(self, count):
        share = division.choose_validation_share(volumes(count=count), 1, 0.0).value
        assert 1 <= round(share * count) <= max(1, count // 2) and round(share * count) <= 40

    def test_parts_of_the_data_set_are_kept(self):
        found = volumes(count=4, parts=("validation", "test"))
        assert division.choose_test_share(found, 1).value == 0
        assert "1 validation case" in division.choose_validation_share(found, 1, 0.0).reason
        assert division.validation_cases(found, 1, 0.2) == 1

    @pytest.mark.parametrize(
        ("count", "folds", "said"), [(1, 1, "has 1 subject: give at least 2"), (3, 5, "give at most 3 folds")]
    )
    def test_too_few_subjects(self, count, folds, said):
        with pytest.raises(ValueError, match=said):
            division.choose_folds(volumes(count=count), folds)


class TestClassWeights:
    def test_equal_unless_very_unbalanced(self):
        assert schedule.choose_class_weights(volumes(voxels={0: 9000, 1: 100, 2: 2000, 3: 1000})).value == ()

    def test_rare_classes_count_more(self):
        found = volumes(voxels={0: 90_000, 1: 10, 2: 10_000, 3: 1000})
        choice = schedule.choose_class_weights(found)
        assert choice.value == (1.0, 3.0, 1.0, 2.15) and "'grey' has 1e+03 times the voxels of 'CSF'" in choice.reason


def test_bfloat16_needs_hardware():
    plain = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 1))
    assert choose_precision(Processor("EPYC", False, 10**10, "AVX512-BF16"), plain).value == "bfloat16"
    assert choose_precision(Processor("Old", False, 10**10, None), plain).value == "float32"


def test_depthwise_convolutions_stay_in_float32_on_a_processor():
    depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 1))
    choice = choose_precision(Processor("EPYC", False, 10**10, "AVX512-BF16"), depthwise)
    assert choice.value == "float32" and "100% of the network's convolutions are depthwise" in choice.reason
    assert choose_precision(Processor("H200", True, 10**10, "its tensor cores"), depthwise).value == "bfloat16"
