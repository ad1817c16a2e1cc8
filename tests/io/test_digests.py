from __future__ import annotations

import hashlib

import pytest

from monai_nlseg.io.digests import digest_files, digest_of
from monai_nlseg.io.files import BLOCK


@pytest.mark.parametrize("content", [b"", b"x", b"ab" * BLOCK])
def test_of_one_file_it_is_what_sha256sum_says(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert digest_files([tmp_path / "a"]) == hashlib.sha256(content).hexdigest()


def test_of_several_files_order_and_borders_count(tmp_path):
    for name, content in (("a", b"12"), ("b", b"3"), ("c", b"1"), ("d", b"23")):
        (tmp_path / name).write_bytes(content)
    found = [digest_files(tmp_path / name for name in names) for names in ("ab", "ba", "cd", "a", "")]
    assert len({*found}) == 5
    with pytest.raises(OSError, match="nowhere"):
        digest_files([tmp_path / "nowhere"])


def test_of_a_value_the_order_of_keys_does_not_count():
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert len({digest_of(value) for value in ({"a": 1}, {"a": "1"}, [1, 2], [2, 1], "ü", None, "", [])}) == 8
