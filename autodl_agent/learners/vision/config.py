"""Settings that learners of images and of videos share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ViewConfig:
    """One way of looking at a picture with a frozen network.

    network: name of the weights. side_px: side of the square it sees, or of one of equal area.
    whole: the whole picture in its usual shape, else its centre, larger. mirrored: left and right exchanged.
    """

    network: str
    side_px: int
    whole: bool = False
    mirrored: bool = False
