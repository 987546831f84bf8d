namespace Pith.Ops;

/// <summary>The attributes of <see cref="Resize"/> in files: opset 10 had mode only, 11 to 17 no axes and antialias.</summary>
internal static class ResizeAttributes
{
    private static readonly (ResizeMode Value, string Name)[] s_modes = [(ResizeMode.Nearest, "nearest"), (ResizeMode.Linear, "linear"), (ResizeMode.Cubic, "cubic")];

    private static readonly (ResizeCoordinates Value, string Name)[] s_coordinates =
    [
        (ResizeCoordinates.HalfPixel, "half_pixel"),
        (ResizeCoordinates.HalfPixelSymmetric, "half_pixel_symmetric"),
        (ResizeCoordinates.PytorchHalfPixel, "pytorch_half_pixel"),
        (ResizeCoordinates.AlignCorners, "align_corners"),
        (ResizeCoordinates.Asymmetric, "asymmetric"),
        (ResizeCoordinates.TfCropAndResize, "tf_crop_and_resize"),
    ];

    private static readonly (ResizeRounding Value, string Name)[] s_roundings =
    [
        (ResizeRounding.RoundPreferFloor, "round_prefer_floor"),
        (ResizeRounding.RoundPreferCeil, "round_prefer_ceil"),
        (ResizeRounding.Floor, "floor"),
        (ResizeRounding.Ceil, "ceil"),
    ];

    private static readonly (AspectRatioPolicy Value, string Name)[] s_policies =
        [(AspectRatioPolicy.Stretch, "stretch"), (AspectRatioPolicy.NotLarger, "not_larger"), (AspectRatioPolicy.NotSmaller, "not_smaller")];

    /// <summary>Reads a Resize; that of opset 10 has no region of interest, and coordinates as Upsample has them.</summary>
    public static Resize Read(OpReader reader)
    {
        if (reader.Opset < 11) return ReadWithScales(reader, scalesOperand: 1);
        var (mode, rounding) = (Choice(reader, "mode", s_modes), Choice(reader, "nearest_mode", s_roundings));
        var isTfHalfPixel = reader.Opset < 13 && reader.Text("coordinate_transformation_mode", "") == "tf_half_pixel_for_nn";
        return new Resize
        {
            Mode = mode,
            Coordinates = isTfHalfPixel ? ResizeCoordinates.HalfPixel : Choice(reader, "coordinate_transformation_mode", s_coordinates),
            Rounding = isTfHalfPixel ? HalfPixelRounding(reader, mode, rounding) : rounding,
            CubicCoefficient = reader.Float("cubic_coeff_a", -0.75f),
            ExcludeOutside = reader.Flag("exclude_outside", false),
            ExtrapolationValue = reader.Float("extrapolation_value", 0),
            Antialias = reader.Flag("antialias", false),
            Axes = reader.Ints("axes") ?? [],
            AspectRatio = Choice(reader, "keep_aspect_ratio_policy", s_policies),
        };
    }

    /// <summary>
    /// The rounding with which half_pixel finds the same element as tf_half_pixel_for_nn, which opset 13 dropped: its positions are half an element further on.
    /// </summary>
    private static ResizeRounding HalfPixelRounding(OpReader reader, ResizeMode mode, ResizeRounding rounding) => (mode, rounding) switch
    {
        (ResizeMode.Nearest, ResizeRounding.Floor) => ResizeRounding.RoundPreferCeil,
        (ResizeMode.Nearest, ResizeRounding.RoundPreferFloor) => ResizeRounding.Ceil,
        _ => throw reader.Error("coordinate_transformation_mode tf_half_pixel_for_nn is supported with mode nearest and nearest_mode floor or round_prefer_floor only"),
    };

    /// <summary>Reads the old form: a mode, and constant scales as an attribute or operand.</summary>
    public static Resize ReadWithScales(OpReader reader, int? scalesOperand)
    {
        var scales = scalesOperand is { } operand
            ? reader.TakeInput(operand)
            : reader.Floats("scales") is { } attribute ? Tensor.Vector<float>(attribute.Span) : null;
        reader.SetInput(2, scales ?? throw reader.Error("the scales are missing"));
        return new Resize { Mode = Choice(reader, "mode", s_modes), Coordinates = ResizeCoordinates.Asymmetric, Rounding = ResizeRounding.Floor };
    }

    /// <summary>Writes what <see cref="Read"/> reads.</summary>
    public static void Write(Resize op, OpWriter writer)
    {
        if (op.Coordinates == ResizeCoordinates.HalfPixelSymmetric) writer.RequireOpset(19, "Resize with half_pixel_symmetric");
        writer.Text("mode", NameOf(op.Mode, s_modes));
        writer.Text("coordinate_transformation_mode", NameOf(op.Coordinates, s_coordinates));
        writer.Text("nearest_mode", NameOf(op.Rounding, s_roundings));
        writer.Float("cubic_coeff_a", op.CubicCoefficient);
        writer.Flag("exclude_outside", op.ExcludeOutside);
        writer.Float("extrapolation_value", op.ExtrapolationValue);
        if (op.Antialias || op.Axes.Count > 0 || op.AspectRatio != AspectRatioPolicy.Stretch) writer.RequireOpset(18, "Resize with antialias, axes or keep_aspect_ratio_policy");
        if (writer.Opset < 18) return;
        writer.Flag("antialias", op.Antialias);
        writer.Text("keep_aspect_ratio_policy", NameOf(op.AspectRatio, s_policies));
        if (op.Axes.Count > 0) writer.Ints("axes", op.Axes);
    }

    /// <summary>The value that a text attribute names; the first one when it is absent.</summary>
    private static T Choice<T>(OpReader reader, string attribute, (T Value, string Name)[] choices)
    {
        var name = reader.Text(attribute, choices[0].Name);
        foreach (var choice in choices) if (choice.Name == name) return choice.Value;
        throw reader.Error($"{attribute} must be one of {string.Join(", ", choices.Select(choice => choice.Name))}, got '{name}'");
    }

    private static string NameOf<T>(T value, (T Value, string Name)[] choices) where T : struct, Enum => choices.First(choice => choice.Value.Equals(value)).Name;
}
