"""A digital thorax with known truth, written as real DICOM, to try fusecli on and to test it against."""

from fusecli.demo.anatomy import Lesion
from fusecli.demo.dicom_export import write_series
from fusecli.demo.phantom import Phantom, lesion_slice, thorax_phantom

__all__ = ["Lesion", "Phantom", "lesion_slice", "thorax_phantom", "write_series"]
