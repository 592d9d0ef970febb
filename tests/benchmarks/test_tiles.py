"""Large pictures told by small signs: what is made, how tiles lie, and that written sets are read as meant."""

import numpy as np
import pytest

from benchmarks import tiles
from data_format import open_dataset


@pytest.mark.parametrize("name", list(tiles.SETS))
def test_pictures_show_as_many_signs_as_told_and_are_the_same_again(name):
    pictures, labels = tiles.make(name, 6)
    assert pictures.shape == (6, tiles.SIDE_PX, tiles.SIDE_PX, 3)
    assert set(labels.sum(1)) <= set(range(1, 1 + tiles.SETS[name][0]))
    assert np.array_equal(pictures, tiles.make(name, 6)[0])


def test_tiles_overlap_and_reach_every_corner():
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    picture[0, :8, :8] = 50
    picture[0, -8:, -8:] = 250
    found = tiles.tiled(picture, 3, 32)
    assert found.shape == (9, 32, 32, 3)
    assert found[0, 0, 0, 0] == 50 and found[8, -1, -1, 0] == 250
    assert np.array_equal(found[0][:, 24:], found[1][:, :8])


@pytest.mark.parametrize(("name", "multilabel"), [("whole", False), ("several", True)])
def test_written_sets_can_be_opened(tmp_path, name, multilabel):
    tiles.write(tmp_path, name, 24)
    dataset = open_dataset(tmp_path / name)
    assert (len(dataset.train), len(dataset.test)) == (16, 8)
    assert np.array_equal(dataset.train.labels.sum(1), tiles.make(name, 24)[1][:16].sum(1))
    assert bool((dataset.train.labels.sum(1) > 1).any()) == multilabel
