"""The registration network as a function of arrays: where the partners of one picture's pixels lie in another."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fusecli.errors import ModelError
from fusecli.models.network import trained
from fusecli.models.registration import MULTIPLE, RegistrationNet, enlarged, padded
from fusecli.models.weights import find_weights

Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRegistration:
    """Calls the network; `name` and `weights_sha256` say with which weights."""

    name: str
    weights_sha256: str
    _network: RegistrationNet

    def __call__(self, fixed: Grey, moving: Grey) -> NDArray[np.float32]:
        """How far each pixel's partner lies, (rows, columns, 2) in pixels, for two pictures, (rows, columns) in 0..1.

        FIXED is an MRI and MOVING a CT, PET or SPECT of a head, aligned but for some pixels, with about 128 pixels a
        side: that is what the weights have seen. The same pictures give the same field, to the bit.

        The network is asked about the pair and about its mirror image, and the mean of both answers is taken: neither
        side of a head is special, and the mean is nearer to the truth.
        """
        rows, columns = fixed.shape
        with torch.inference_mode(), _one_thread():
            fields = 2 * enlarged(self._network(_with_mirror_image(fixed), _with_mirror_image(moving)))
            straight, mirrored = fields[:, :, :rows, :columns]
            mirrored = mirrored.flip(-1) * torch.tensor([1.0, -1.0])[:, None, None]
            field = (straight + mirrored) / 2
        return np.ascontiguousarray(field.permute(1, 2, 0).numpy(), dtype=np.float32)


def load_registration(name: str) -> TrainedRegistration:
    """The registration network with the weights called `name`. It runs on the CPU, as it takes less than a second.

    Raises ModelError when the weights are missing, their hash is wrong, or they are those of another network.
    """
    try:
        weights = find_weights(name)
        network = trained(weights)
    except ModelError as error:
        hint = "Install fusecli again, or search without the network: --register demons, --method demons"
        raise ModelError(error.what, why=error.why, hint=hint) from error
    if not isinstance(network, RegistrationNet):
        raise ModelError(f"The weights of {name!r} are not those of a registration network.")
    return TrainedRegistration(name, weights.sha256, network.eval())


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums do not depend on how many threads there are, when there is one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _with_mirror_image(image: Grey) -> Tensor:
    """(2, 1, row, column): the picture and its mirror image, with black added until the network takes them."""
    both = torch.from_numpy(np.stack([image, image[:, ::-1]]).astype(np.float32))
    return padded(both[:, None], MULTIPLE)
