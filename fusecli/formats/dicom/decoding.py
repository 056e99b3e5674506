"""What the decoders of pixel data raise, told in our own words."""

from collections.abc import Iterator
from contextlib import contextmanager

from fusecli.errors import ImageError, MemoryLimitError
from fusecli.formats.dicom.gdcm import BrokenJpegError
from fusecli.formats.dicom.header import DicomFile, syntax_name, tag_name, text

# By what a decoder says of a fault, in small letters, the first that fits: how we say it.
_KNOWN_FAULTS = {
    "bits stored": f"{tag_name('BitsStored')} is not between 1 and {tag_name('BitsAllocated')}",
    "bits allocated": f"{tag_name('BitsAllocated')} is neither 1 nor a multiple of 8 up to 64",
    "less than expected": "the file holds fewer bytes of pixels than its header promises: it is cut short",
    "insufficient pixel data": "the file holds fewer frames than its header promises: it is cut short",
    "fewer fragments than frames": "the file holds fewer frames than its header promises: it is cut short",
    "failed to read the header": "the header of the compressed pixels is broken",
    "third larger than expected": f"{tag_name('PhotometricInterpretation')} does not fit the amount of pixels",
    "photometric interpretation": f"{tag_name('PhotometricInterpretation')} is none that is known",
    "no pixel data decoders": "there is no decoder for this transfer syntax",
}


@contextmanager
def decoding(file: DicomFile) -> Iterator[None]:
    """Turn whatever a decoder raises into an ImageError, or a MemoryLimitError, that quotes no element."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise MemoryLimitError(
            f"The pixels of {file.path.name} do not fit into memory.",
            why=f"Its header speaks of {text(file.header, 'Rows')} x {text(file.header, 'Columns')} pixels a frame.",
            hint="Choose one slice with --slice, or check that the file is not broken.",
        ) from error
    except Exception as error:
        raise ImageError(
            f"The pixels of {file.path.name} cannot be decoded.",
            why=f"{syntax_name(file.header)}: {_fault(error)}.",
            hint="Copy or export the file again, uncompressed if possible.",
        ) from error


def _fault(error: Exception) -> str:
    """What went wrong. A decoder's own text may quote element values, a patient's name among them: it stays here."""
    if isinstance(error, BrokenJpegError):
        return str(error)
    said = " ".join(str(error).split()).lower().replace("'", "")
    known = next((ours for theirs, ours in _KNOWN_FAULTS.items() if theirs in said), "")
    return known or f"the decoder stopped with {type(error).__name__}"
