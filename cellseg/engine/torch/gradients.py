"""Functions of layers whose gradient is not what PyTorch derives: with fewer passes over memory, or as Caffe has it."""

import torch
import torch.nn.functional as F


class AcrossChannels(torch.autograd.Function):
    """``x * (k + alpha / size * sum of squares over size channels) ** -beta``; with few passes over the memory."""

    @staticmethod
    def forward(ctx, x, size, alpha, beta, k):
        base = _sum_near(x.square(), size // 2).mul_(alpha / size).add_(k)
        factor = base.pow(-beta)
        ctx.save_for_backward(x, base, factor)
        ctx.reach, ctx.slope = size // 2, 2 * alpha * beta / size
        return x * factor

    @staticmethod
    def backward(ctx, gradient):
        x, base, factor = ctx.saved_tensors
        direct = gradient * factor
        through = _sum_near((direct * x).div_(base), ctx.reach).mul_(x)
        return direct.sub_(through, alpha=ctx.slope), None, None, None, None


def _sum_near(x, reach):
    """For each channel the sum over those at most `reach` away."""
    total = x.clone()
    for step in range(1, reach + 1):
        total[:, step:].add_(x[:, :-step])
        total[:, :-step].add_(x[:, step:])
    return total


class Standardised(torch.autograd.Function):
    """Centred values divided by ``deviation + eps``; the gradient is that for a small eps, as Caffe's is."""

    @staticmethod
    def forward(ctx, centred, eps, behind):
        deviation = centred.square().mean(behind, keepdim=True).sqrt() + eps
        top = centred / deviation
        ctx.save_for_backward(top, deviation)
        ctx.behind = behind
        return top

    @staticmethod
    def backward(ctx, gradient):
        top, deviation = ctx.saved_tensors
        return (gradient - top * (gradient * top).mean(ctx.behind, keepdim=True)) / deviation, None, None


class MissedDistance(torch.autograd.Function):
    """``max(margin - distance, 0) ** 2`` of a squared distance, with Caffe's guard against distance 0."""

    @staticmethod
    def forward(ctx, square, margin):
        distance = square.sqrt()
        missed = F.relu(margin - distance)
        ctx.save_for_backward(missed, distance)
        return missed.square()

    @staticmethod
    def backward(ctx, gradient):
        missed, distance = ctx.saved_tensors
        return -gradient * missed / (distance + 1e-4), None
