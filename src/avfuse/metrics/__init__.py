"""Metrics: one a file, a pure function and its `torchmetrics.Metric`.

Pictures are RGB in [0, 1], (N, 3, H, W); landmarks are pixels, (N, 68, 2). Functions give a value
a frame; metrics keep sums and counts, so that the result does not depend on how the data was cut
into batches or spread over processes. Where the first axis is called T, an update takes one clip;
where it is N, any frames.
"""

from avfuse.geometry.eyes import eye_openness
from avfuse.metrics.blink import BlinkRate, blink_rate, blinks
from avfuse.metrics.closure import ClosureGap, Closures, ClosureShare, closure, closure_gaps
from avfuse.metrics.csim import CSIM, csim
from avfuse.metrics.expression import EExp, ELdmk, e_exp, e_ldmk
from avfuse.metrics.fid import FID, frechet_distance
from avfuse.metrics.flicker import Flicker, flicker
from avfuse.metrics.inception import InceptionFeatures
from avfuse.metrics.landmark_motion import (
    DL,
    DV,
    DPos,
    DRot,
    LandmarkVelocity,
    d_l,
    d_pos,
    d_rot,
    d_v,
    face_width,
    landmark_velocity,
)
from avfuse.metrics.leak import Leak, leak
from avfuse.metrics.lmd import LMD, LegacyLMD, lmd, lmd_legacy_summed
from avfuse.metrics.lpips import LPIPS, LPIPSNetwork, lpips
from avfuse.metrics.lse import LSEC, LSED, SyncScore, lse, sync_score
from avfuse.metrics.mouth import (
    MouthL1,
    MouthPSNR,
    Sharpness,
    mouth_l1,
    mouth_psnr,
    mouth_region,
    sharpness,
)
from avfuse.metrics.ms_ssim import MSSSIM, ms_ssim
from avfuse.metrics.psnr import PSNR, LegacyPSNR, psnr, psnr_legacy_uint8
from avfuse.metrics.rest import Rest, rest
from avfuse.metrics.seam import SeamContrast, seam_contrast
from avfuse.metrics.ssim import SSIM, LegacySSIM, ssim, ssim_legacy
from avfuse.metrics.sync import (
    SyncConfidence,
    SyncOffset,
    SyncReading,
    SyncSimilarity,
    read_curve,
    sync_curve,
)
from avfuse.metrics.sync_expert import SyncExpert, load_expert
from avfuse.metrics.syncnet import SyncNet
from avfuse.sound.mfcc import mfcc

__all__ = [
    "CSIM",
    "DL",
    "DV",
    "FID",
    "LMD",
    "LPIPS",
    "LSEC",
    "LSED",
    "MSSSIM",
    "PSNR",
    "SSIM",
    "BlinkRate",
    "ClosureGap",
    "ClosureShare",
    "Closures",
    "DPos",
    "DRot",
    "EExp",
    "ELdmk",
    "Flicker",
    "InceptionFeatures",
    "LPIPSNetwork",
    "LandmarkVelocity",
    "Leak",
    "LegacyLMD",
    "LegacyPSNR",
    "LegacySSIM",
    "MouthL1",
    "MouthPSNR",
    "Rest",
    "SeamContrast",
    "Sharpness",
    "SyncConfidence",
    "SyncExpert",
    "SyncNet",
    "SyncOffset",
    "SyncReading",
    "SyncScore",
    "SyncSimilarity",
    "blink_rate",
    "blinks",
    "closure",
    "closure_gaps",
    "csim",
    "d_l",
    "d_pos",
    "d_rot",
    "d_v",
    "e_exp",
    "e_ldmk",
    "eye_openness",
    "face_width",
    "flicker",
    "frechet_distance",
    "landmark_velocity",
    "leak",
    "lmd",
    "lmd_legacy_summed",
    "load_expert",
    "lpips",
    "lse",
    "mfcc",
    "mouth_l1",
    "mouth_psnr",
    "mouth_region",
    "ms_ssim",
    "psnr",
    "psnr_legacy_uint8",
    "read_curve",
    "rest",
    "seam_contrast",
    "sharpness",
    "ssim",
    "ssim_legacy",
    "sync_curve",
    "sync_score",
]
