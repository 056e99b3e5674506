"""A process that is killed while it writes leaves no file that could be taken for a result, whatever the format."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.leftovers import clear_leftovers, is_unfinished

# Killed in the last moment: everything is written, and nothing in its place.
WRITES = """
import os, signal, sys
from pathlib import Path
import numpy as np
from fusecli import atomic, formats
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
atomic._put_in_place = lambda *words: os.kill(os.getpid(), signal.SIGKILL)
image = Image(np.full((3, 8, 8), 0.5), Geometry((3, 8, 8)), Modality.FUSED, Intensity.UNIT)
formats.write(image, Path(sys.argv[1]), overwrite=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="only there a process can be asked whether it lives")
@pytest.mark.parametrize(
    ("name", "stands"),
    [("f.nii.gz", "f.nii.gz"), ("f.nii", "f.nii"), ("f.tif", "f.tif"), ("f.png", "f"), ("f.jpg", "f")],
)
def test_a_killed_write_leaves_no_result_and_the_next_one_cleans_up(tmp_path, name, stands):
    ended = subprocess.run([sys.executable, "-c", WRITES, str(tmp_path / name)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert is_unfinished(left)
    clear_leftovers.cache_clear()
    image = Image(np.full((3, 8, 8), 0.25), Geometry((3, 8, 8)), Modality.FUSED, Intensity.UNIT)
    assert formats.write(image, tmp_path / name) == tmp_path / stands
    assert [path.name for path in tmp_path.iterdir()] == [stands]
