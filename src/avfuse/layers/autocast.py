"""What autocast wants of a device, of those too that know no autocast."""

import torch


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """The precision that autocast computes in on a device; None where it is off.

    Of a device without autocast, such as meta, torch does not answer but raises.
    """
    if not torch.amp.is_autocast_available(device.type):
        return None
    if not torch.is_autocast_enabled(device.type):
        return None
    return torch.get_autocast_dtype(device.type)
