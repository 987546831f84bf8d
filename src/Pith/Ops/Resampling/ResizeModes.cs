namespace Pith.Ops;

/// <summary>How <see cref="Resize"/> finds the value between input elements: ONNX <c>mode</c>.</summary>
public enum ResizeMode
{
    /// <summary>The nearest element.</summary>
    Nearest,
    /// <summary>Linear between two neighbours along each axis.</summary>
    Linear,
    /// <summary>Cubic convolution of four neighbours along each axis (Keys 1981).</summary>
    Cubic,
}

/// <summary>Where an output element lies in the input: ONNX <c>coordinate_transformation_mode</c>.</summary>
public enum ResizeCoordinates
{
    /// <summary>(i + 0.5) / scale - 0.5.</summary>
    HalfPixel,
    /// <summary>As half_pixel, with the centre kept where scale * input is not a whole number.</summary>
    HalfPixelSymmetric,
    /// <summary>As half_pixel, but 0 when the output has one element.</summary>
    PytorchHalfPixel,
    /// <summary>The first and last elements lie on each other.</summary>
    AlignCorners,
    /// <summary>i / scale.</summary>
    Asymmetric,
    /// <summary>The output covers the region of interest.</summary>
    TfCropAndResize,
}

/// <summary>Which of two elements is the nearest: ONNX <c>nearest_mode</c>.</summary>
public enum ResizeRounding
{
    /// <summary>The nearer one, of equals the lower.</summary>
    RoundPreferFloor,
    /// <summary>The nearer one, of equals the upper.</summary>
    RoundPreferCeil,
    /// <summary>The lower one.</summary>
    Floor,
    /// <summary>The upper one.</summary>
    Ceil,
}

/// <summary>What given sizes mean for the aspect ratio: ONNX <c>keep_aspect_ratio_policy</c>.</summary>
public enum AspectRatioPolicy
{
    /// <summary>The sizes are taken as they are.</summary>
    Stretch,
    /// <summary>The largest output of the input's proportions that is nowhere larger.</summary>
    NotLarger,
    /// <summary>The smallest output of the input's proportions that is nowhere smaller.</summary>
    NotSmaller,
}
