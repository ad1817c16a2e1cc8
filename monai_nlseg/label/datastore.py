"""MONAI Label's datastores, which refuse names that are paths and files outside their folder."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException
from pydantic import ValidationError

from monai_nlseg.label.guard.names import inside, safe_name

logger = logging.getLogger(__name__)

OF_DATASTORE = ("labels", "labels/final", "labels/original", "datastore_v2.json", ".lock")
UID = re.compile(r"[0-9]+(\.[0-9]+)*(?<!.{65})")


class _Guarded(LocalDatastore):
    """The rules of both datastores: ids, tags and suffixes are names, links out of the folder are not followed."""

    _archive: Path | None = None

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Copy a file to the images, as MONAI Label does.

        Args:
            image_id: id of the image; empty for the name of the file.
            image_filename: path of the file.
            image_info: the notes that the datastore keeps on the image.

        Raises:
            ValueError: if the id is not a plain name, or the file to replace is a link that leads elsewhere.
        """
        name, suffix = self._to_id(os.path.basename(image_filename))
        self._image_path(image_id or name, suffix)
        return str(super().add_image(image_id, image_filename, image_info))

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Copy a file to the labels, as MONAI Label does.

        Args:
            image_id: id of the image that is labelled.
            label_filename: path of the file.
            label_tag: kind of the label, such as "final".
            label_info: the notes that the datastore keeps on the label.

        Raises:
            ValueError: if the id or the tag is not a plain name, or the file to replace is a link that leads elsewhere.
        """
        _, suffix = self._to_id(os.path.basename(label_filename))
        self._label_path(image_id, suffix, label_tag)
        return str(super().save_label(image_id, label_filename, label_tag, label_info))

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        """Write an archive of the labelled images, remove the previous one, and return the new one's path.

        Args:
            limit_cases: largest number of images; None for all.

        Raises:
            ImageNotFoundException: if no image is labelled.
        """
        if not self.datalist():
            raise ImageNotFoundException("no image is labelled yet: save a label first.")
        if self._archive:
            self._archive.unlink(missing_ok=True)
        self._archive = Path(super().get_dataset_archive(limit_cases))
        return str(self._archive)

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Return MONAI Label's pairs of an image and its final label, without files that are gone or lie elsewhere.

        Args:
            full_path: whether to give whole paths; names are not checked.
        """
        pairs: list[dict[str, Any]] = super().datalist(full_path)
        return [pair for pair in pairs if not full_path or all(self._within(pair[key]) for key in ("image", "label"))]

    def _image_path(self, image_id: str, suffix: str) -> Path:
        folder = self._datastore.image_path()
        return inside(self._datastore_path, Path(folder) / (safe_name("image", image_id) + suffix), "image")

    def _label_path(self, label_id: str, suffix: str, tag: str) -> Path:
        folder = self._datastore.label_path(safe_name("tag", str(getattr(tag, "value", tag))))
        return inside(self._datastore_path, Path(folder) / (safe_name("label", label_id) + suffix), "label")

    def _within(self, path: str) -> bool:
        try:
            return inside(self._datastore_path, path, "file").exists()
        except ValueError:
            return False

    def _update_datastore_file(self, lock: bool = True) -> None:
        # Written in place: other processes notice a file that is written, not one that is renamed.
        inside(self._datastore_path, self._datastore_config_path, "list of images")
        super()._update_datastore_file(lock)

    def _list_files(self, path: str, patterns: Iterable[str]) -> dict[str, str]:
        files: dict[str, str] = super()._list_files(path, patterns)
        kept = {name: file for name, file in files.items() if self._within(os.path.join(path, file))}
        for name in files.keys() - kept.keys():
            logger.warning("%r is left out: it is a link that leads out of the folder or nowhere", name)
        return kept

    def _init_from_datastore_file(self, throw_exception: bool = False) -> None:
        read = self._config_ts
        for name in OF_DATASTORE if throw_exception else ():  # at the start
            inside(self._datastore_path, Path(self._datastore_path) / name, "datastore's file")
        try:
            super()._init_from_datastore_file(throw_exception)
        except ValueError as error:  # at the start only
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "not text in UTF-8"
            raise ValueError(
                f"'{self._datastore_config_path}' is damaged ({reason}): restore it, or move it away, which loses the "
                "notes of images and the names of labels."
            ) from None
        if read == self._config_ts:
            return
        for folder in (self._datastore.image_path(), self._datastore.label_path(None)):
            inside(self._datastore_path, folder, "folder of the datastore")
        for image_id, image in list(self._datastore.objects.items()):
            try:
                safe_name("image", image_id + image.image.ext)
                for tag, label in image.labels.items():
                    safe_name("tag", tag), safe_name("label", image_id + label.ext)
            except ValueError as error:
                logger.warning("left out of the list of images: %s", error)
                del self._datastore.objects[image_id]


class GuardedDatastore(_Guarded):
    """A folder of images."""

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of an image; an empty text if there is none.

        Args:
            image_id: id of the image.

        Raises:
            ValueError: if the id is not a plain name, or the image is a link that leads elsewhere.
        """
        image = self._datastore.objects.get(safe_name("image", image_id))
        for suffix in [image.image.ext] if image else [pattern.lstrip("*") for pattern in self._extensions]:
            self._image_path(image_id, suffix)
        return str(super().get_image_uri(image_id))

    def remove_image(self, image_id: str) -> None:
        """Remove an image and its labels, as MONAI Label does.

        Args:
            image_id: id of the image.

        Raises:
            ValueError: if the id is not a plain name, or the image is a link that leads elsewhere.
        """
        self.get_image_uri(image_id)
        super().remove_image(image_id)

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Return the path of a label; an empty text if there is none.

        Args:
            label_id: id of the label, which is its image's.
            label_tag: kind of the label, such as "final".

        Raises:
            ValueError: if the id or the tag is not a plain name, or the label is a link that leads elsewhere.
        """
        label = self._datastore.label(label_id, label_tag)
        for suffix in [label.ext] if label else [pattern.lstrip("*") for pattern in self._extensions]:
            self._label_path(label_id, suffix, label_tag)
        return str(super().get_label_uri(label_id, label_tag))

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Remove a label, as MONAI Label does.

        Args:
            label_id: id of the label, which is its image's.
            label_tag: kind of the label, such as "final".

        Raises:
            LabelNotFoundException: if there is none.
        """
        if not self.get_label_uri(label_id, label_tag):
            raise LabelNotFoundException(f"there is no label {label_id!r} of the tag {label_tag!r}.")
        super().remove_label(label_id, label_tag)


class GuardedDICOMWebDatastore(_Guarded, DICOMWebDatastore):
    """The series of a DICOMweb server, and the cache of their files."""

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of an image, and fetch it if it is not in the cache.

        Args:
            image_id: UID of the series.

        Raises:
            ImageNotFoundException: if the id is not a UID, or the server has no such series.
        """
        if not UID.fullmatch(image_id):
            raise ImageNotFoundException(f"there is no image {image_id!r}: series are named by their UID.")
        try:
            return str(super().get_image_uri(image_id))
        except IndexError:  # MONAI Label takes the first series of the answer, which holds none
            raise ImageNotFoundException(f"there is no image {image_id!r} on the DICOMweb server.") from None

    def get_label_uri(self, label_id: str, label_tag: str, image_id: str = "") -> str:
        """Return the path of a label, and fetch a final label that is not in the cache.

        Args:
            label_id: id of the label; for a final one the UID of its series.
            label_tag: kind of the label, such as "final".
            image_id: UID of the image's series.

        Raises:
            ValueError: if the id or the tag is not a plain name.
            LabelNotFoundException: if the id of a final label is not a UID.
        """
        safe_name("label", label_id), safe_name("tag", str(getattr(label_tag, "value", label_tag)))
        if label_tag == DefaultLabelTag.FINAL and not UID.fullmatch(label_id):
            raise LabelNotFoundException(f"there is no label {label_id!r}: series are named by their UID.")
        return str(super().get_label_uri(label_id, label_tag, image_id))
