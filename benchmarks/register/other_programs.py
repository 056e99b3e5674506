"""What others would do for the same pair: SimpleITK by its defaults, and elastix as Debian ships it."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from fusecli.core.image import Image

# The usual recipe of elastix: Mattes mutual information, four levels, new random samples in each iteration.
ELASTIX = """
(FixedInternalImagePixelType "float") (MovingInternalImagePixelType "float")
(FixedImageDimension 3) (MovingImageDimension 3) (UseDirectionCosines "true")
(Registration "MultiResolutionRegistration") (Interpolator "BSplineInterpolator")
(ResampleInterpolator "FinalBSplineInterpolator") (Resampler "DefaultResampler")
(FixedImagePyramid "FixedRecursiveImagePyramid") (MovingImagePyramid "MovingRecursiveImagePyramid")
(Optimizer "AdaptiveStochasticGradientDescent") (Transform "{transform}")
(Metric "AdvancedMattesMutualInformation") (AutomaticScalesEstimation "true")
(AutomaticTransformInitialization "true") (AutomaticTransformInitializationMethod "GeometricalCenter")
(HowToCombineTransforms "Compose") (NumberOfHistogramBins 32) (ErodeMask "false") (NumberOfResolutions 4)
(MaximumNumberOfIterations 500) (NumberOfSpatialSamples 3000) (NewSamplesEveryIteration "true")
(ImageSampler "RandomCoordinate") (BSplineInterpolationOrder 1) (FinalBSplineInterpolationOrder 3)
(DefaultPixelValue 0) (WriteResultImage "false")
"""


def plain_simpleitk(fixed: Image, moving: Image, kind: str) -> tuple[np.ndarray, bool]:
    """The rigid example of SimpleITK's documentation: centred, Mattes, gradient descent, three levels, a percent."""
    still, other = as_itk(fixed), as_itk(moving)
    transform = sitk.AffineTransform(3) if kind == "affine" else sitk.Euler3DTransform()
    start = sitk.CenteredTransformInitializer(still, other, transform, sitk.CenteredTransformInitializerFilter.GEOMETRY)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.01, 42)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsGradientDescent(
        learningRate=1.0, numberOfIterations=100, convergenceMinimumValue=1e-6, convergenceWindowSize=10
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    try:
        found = method.Execute(still, other)
    except RuntimeError:
        found = start
    return matrix_of(found), True


def elastix(fixed: Image, moving: Image, kind: str) -> tuple[np.ndarray, bool]:
    """`elastix -f -m -p`, on two threads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sitk.WriteImage(as_itk(fixed), str(folder / "fixed.mha"))
        sitk.WriteImage(as_itk(moving), str(folder / "moving.mha"))
        transform = "AffineTransform" if kind == "affine" else "EulerTransform"
        (folder / "how.txt").write_text(ELASTIX.format(transform=transform).replace(") (", ")\n("))
        words = ["elastix", "-f", "fixed.mha", "-m", "moving.mha", "-p", "how.txt", "-out", ".", "-threads", "2"]
        done = subprocess.run(words, cwd=folder, capture_output=True, env=os.environ)
        if done.returncode:
            return np.eye(4), False
        return from_elastix((folder / "TransformParameters.0.txt").read_text()), True


def from_elastix(text: str) -> np.ndarray:
    def numbers(key: str) -> np.ndarray:
        line = re.search(rf"\({key} ([^)]*)\)", text)
        assert line is not None, key
        return np.array([float(word) for word in line[1].split()])

    parameters, centre = numbers("TransformParameters"), numbers("CenterOfRotationPoint")
    if len(parameters) == 12:
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(parameters[:9].tolist())
        transform.SetTranslation(parameters[9:].tolist())
    else:
        transform = sitk.Euler3DTransform()
        transform.SetParameters(parameters.tolist())
    transform.SetCenter(centre.tolist())
    return matrix_of(transform)


def matrix_of(transform: sitk.Transform) -> np.ndarray:
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([transform.TransformPoint(p) for p in np.eye(3).tolist()], axis=1) - origin[:, np.newaxis]
    matrix[:3, 3] = origin
    return matrix


def as_itk(image: Image) -> sitk.Image:
    """The image at its place; ITK takes axes at right angles only, and these are."""
    result = sitk.GetImageFromArray(np.asarray(image.voxels))
    axes = image.geometry.matrix[:3, :3][:, ::-1]
    spacing = np.linalg.norm(axes, axis=0)
    result.SetSpacing(spacing.tolist())
    result.SetDirection((axes / spacing).ravel().tolist())
    result.SetOrigin(image.geometry.matrix[:3, 3].tolist())
    return result
