"""JSON of clients."""

from __future__ import annotations

import pytest

from monai_nlseg.label.guard.values import check_settings, parsed_object


def test_objects_are_read():
    assert parsed_object("params", "") == {}
    assert parsed_object("params", '{"a": [1, -2.5, null, true, {"b": "ü"}]}') == {
        "a": [1, -2.5, None, True, {"b": "ü"}]
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "is not valid JSON") for text in ("x", "{", '{"a": NaN}', '{"a": -Infinity}', "[" * 100_000)),
        ('{"a": 1' + "0" * 5000 + "}", "is not valid JSON"),
        *((text, "give a JSON object") for text in ("[]", "1", "null", '"x"')),
        *((f'{{"a": {number}}}', "not finite or too large") for number in ("1e999", "9007199254740993", "-1e300")),
        ('{"a": ' * 30 + "1" + "}" * 30, "nested more than 20 deep"),
        ('{"a": [' + "0," * 100_001 + "0]}", "too long"),
        *((f'{{"a": "{text}"}}', "none of them NUL") for text in ("\\u0000", "\\ud800", "x" * 10_001)),
        ('{"\\u0000": 1}', "none of them NUL"),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(ValueError, match=words) as error:
        parsed_object("params", text)
    assert len(str(error.value)) < 300


def test_settings_may_repeat_and_not_override():
    check_settings({"model": "a", "unknown": object()}, {"model": "a"})
    for settings, own in (({"model": "b"}, {"model": "a"}), ({"image": "x"}, {}), ({"images": ["x"]}, {})):
        with pytest.raises(ValueError, match="is the server's own: leave it out"):
            check_settings(settings, own, refused=("images",))


@pytest.mark.parametrize(
    "settings",
    [
        {"device": ["cpu"], "client_id": None, "result_extension": "", "restore_label_idx": False, "multi_gpu": True},
        {"label_info": [{"name": "GM", "idx": 2, "color": [255, 0, 0], "model_name": "x"}, {}], "gpus": "0,1"},
        {"restore_label_idx": [[1, 2]], "label_tag": "original", "labels": ["a/b"], "max_workers": 1, "timeout": 60},
    ],
    ids=str,
)
def test_settings_that_clients_send(settings):
    check_settings(settings)


@pytest.mark.parametrize(
    "settings",
    [
        *({"device": value} for value in (1, [], {}, [1])),
        *(
            {"label_info": value}
            for value in ({}, [1], [{"name": 1}], [{"idx": "1"}], [{"color": "red"}], [{"idx": -1}])
        ),
        *({"gpus": "0,x"}, {"gpus": 0}, {"max_workers": True}, {"timeout": -1}, {"multi_gpu": 1}, {"label_tag": 1}),
        *({"label_tag": "../x"}, {"images": ["../x"]}, {"images": "all"}, {"label": "../x"}, {"client_id": "a\nb"}),
    ],
    ids=str,
)
def test_settings_of_another_kind(settings):
    with pytest.raises(ValueError, match=r"the setting .* give|is refused"):
        check_settings(settings)
