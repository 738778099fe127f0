"""Shoulders: found and followed in painted pictures, whose truth is known; the billboard."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.geometry.camera import Pinhole
from avfuse.methods.live_speech_portraits.shoulders import (
    billboard,
    find_shoulders,
    follow,
    leaning,
)

CHIN, WIDTH = np.array([100.0, 110.0]), 60.0


def painted(dx=0.0, dy=0.0, size=200):
    """A dark body with grain under a bright sky, whose outline slopes away from the neck."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size].astype(float)
    grain = cv2.GaussianBlur(rng.normal(0, 60, (size, size)), (0, 0), 1.5)
    grey = np.where(y > 130 + 0.3 * np.abs(x - 100), 60, 200) + grain
    shift = np.array([[1, 0, dx], [0, 1, dy]])
    moved = cv2.warpAffine(grey, shift, (size, size), None, cv2.INTER_CUBIC, cv2.BORDER_REFLECT)
    return np.repeat(moved[..., None], 3, 2).clip(0, 255).astype(np.uint8)


class TestFinding:
    def test_the_outline(self):
        points = find_shoulders(painted(), CHIN, WIDTH)
        assert points.shape == (18, 2)
        assert (np.diff(points[:, 0]) > 0).all()
        wanted = 130 + 0.3 * np.abs(points[:, 0] - 100)
        assert np.abs(points[:, 1] - wanted).max() < 3

    def test_nothing_is_found_where_the_picture_ends_above(self):
        assert find_shoulders(painted()[:115], CHIN, WIDTH) is None

    def test_nor_where_there_is_no_outline(self):
        assert find_shoulders(np.full((200, 200, 3), 90, np.uint8), CHIN, WIDTH) is None


class TestFollowing:
    def test_what_moves(self):
        first = find_shoulders(painted(), CHIN, WIDTH)
        moves = [(0.6 * t, 3 * np.sin(t / 3)) for t in range(15)]
        found = list(follow((painted(*move) for move in moves), first))
        assert len(found) == 15
        np.testing.assert_array_equal(found[0], first.astype(np.float32))
        for points, move in zip(found, moves, strict=True):
            errors = np.linalg.norm(points - first - move, axis=1)
            assert np.median(errors) < 0.5

    def test_what_is_lost_moves_with_the_others(self):
        first = find_shoulders(painted(), CHIN, WIDTH)
        second = painted(2.0)
        second[:, :60] = np.random.default_rng(0).integers(0, 255, (200, 60, 3))  # a hand
        *_, points = follow([painted(), second], first)
        steps = points - first
        hidden = first[:, 0] < 50
        assert hidden.any()
        assert np.abs(steps[hidden] - [2, 0]).max() < 1


class TestBillboard:
    @pytest.fixture
    def camera(self):
        away = torch.tensor([[0.0, 0.0, 5.0], [1.0, 0.0, 7.0]], dtype=torch.float64)
        turned = torch.eye(3).double().expand(2, 3, 3)
        return Pinhole(turned, away, 300.0, torch.tensor([99.5, 99.5]).double())

    def test_lies_at_the_heads_mean_depth_where_it_is_seen(self, camera):
        seen = torch.tensor([[[40.0, 150.0]], [[44.0, 154.0]]], dtype=torch.float64)
        board = billboard(seen, camera)
        assert board[0, 2] == 6
        here = camera._replace(translation=torch.zeros(2, 3).double())
        projected = here.project(board.expand(2, -1, -1))
        torch.testing.assert_close(projected[:, 0], seen.mean(0).expand(2, -1))

    def test_follows_half_the_head(self, camera):
        board, mean = torch.zeros(4, 3).double(), camera.translation.mean(0)
        leant = leaning(board, camera.translation, mean)
        torch.testing.assert_close(
            leant[1] - leant[0], torch.tensor([0.5, 0, 1]).double().expand(4, -1)
        )
