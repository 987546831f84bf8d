using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Convolutions of every kind.</summary>
internal static class ConvolutionMotifs
{
    // Multiply-accumulates of one image: interpreted loops take a few milliseconds.
    private const long MostWork = 1_500_000;

    public static IReadOnlyList<Motif> All { get; } =
    [
        new("conv", (s, x) => Conv(s, x)),
        new("conv of any window", (s, x) => Conv(s, x)),
        new("conv 1x1", (s, x) => Conv(s, x, new Form { Kernel = 1, IsPlain = true })),
        new("conv 3x3", (s, x) => Conv(s, x, new Form { Kernel = 3, IsPlain = true })),
        new("depthwise conv", (s, x) => Conv(s, x, new Form { IsDepthwise = true })),
        new("grouped conv", (s, x) => Conv(s, x, new Form { IsGrouped = true })),
        new("transposed conv", Transposed),
        new("shared conv", Shared),
        new("conv of a padded map", (s, x) => MovementMotifs.PaddedMap(s, x) is { } padded ? Conv(s, padded) : null),
    ];

    /// <summary>What is settled about a convolution; the rest is random.</summary>
    internal sealed record Form
    {
        public int Kernel { get; init; }
        public bool IsPlain { get; init; }
        public bool IsDepthwise { get; init; }
        public bool IsGrouped { get; init; }
        public int OutChannels { get; init; }
        public bool KeepsSize { get; init; }
        public Func<NetworkSketch, Tensor<float>, Value>? Weight { get; init; }
        public Func<NetworkSketch, Value, Value, int, Value?>? Bias { get; init; }
    }

    /// <summary>A convolution of <paramref name="x"/>; null when x is not a map.</summary>
    public static Value? Conv(NetworkSketch s, Value x, Form? form = null)
    {
        form ??= new Form();
        if (!NetworkSketch.IsMap(x)) return null;
        var channels = x.Type[1].Size;
        var groups = form.IsDepthwise ? channels : form.IsGrouped || (!form.IsPlain && s.Chance(0.2)) ? Divisor(s, channels) : 1;
        var outChannels = form.OutChannels > 0 ? form.OutChannels : form.IsDepthwise ? channels * s.Pick(1, 1, 1, 2) : groups * Math.Max(1, s.Channels() / groups);
        if (outChannels % groups != 0) return null;
        var window = Window(s, x, form);
        if (window is null) return null;
        var shape = new Shape([outChannels, channels / groups, .. window.KernelShape]);
        var reduced = shape.Length / outChannels;
        if ((long)reduced * outChannels * NetworkSketch.Elements(x) / channels > MostWork || (long)outChannels * NetworkSketch.Elements(x) / channels > NetworkSketch.LargestValue) return null;

        var weights = s.Weights(shape, reduced);
        var weight = form.Weight is null ? WeightForms.Any(s, weights) : form.Weight(s, weights);
        var bias = form.Bias is not null ? form.Bias(s, x, weight, outChannels) : s.Chance(0.6) ? s.Weight(new Shape(outChannels)) : null;
        var op = new Conv { Window = s.Chance(0.5) ? window : window with { KernelShape = [] }, Groups = groups };
        return bias is null ? s.Add(op, x, weight) : s.Add(op, x, weight, bias);
    }

    private static int Divisor(NetworkSketch s, int channels) => s.Pick<int>([.. Enumerable.Range(1, channels).Where(divisor => channels % divisor == 0)]);

    /// <summary>A window that fits over <paramref name="x"/>, with any strides, dilations and padding; null when chance made one that does not.</summary>
    internal static WindowAttributes? Window(NetworkSketch s, Value x, Form form)
    {
        var axes = x.Type.Rank - 2;
        var kernel = new int[axes];
        var (strides, dilations, pads) = (new int[axes], new int[axes], new int[2 * axes]);
        var auto = !form.IsPlain && !form.KeepsSize && s.Chance(0.15) ? s.Pick(AutoPad.SameUpper, AutoPad.SameLower, AutoPad.Valid) : AutoPad.NotSet;
        var square = s.Chance(0.7) ? s.Pick(1, 2, 3, 3, 5) : 0;
        for (var axis = 0; axis < axes; axis++)
        {
            var size = x.Type[2 + axis].Size;
            kernel[axis] = form.Kernel > 0 ? form.Kernel : square > 0 ? square : s.Int(1, 5);
            if (form.KeepsSize) kernel[axis] |= 1;
            strides[axis] = form.IsPlain || form.KeepsSize ? (form.KeepsSize || s.Chance(0.7) ? 1 : 2) : s.Pick(1, 1, 1, 2, 2, 3);
            dilations[axis] = form.IsPlain ? 1 : s.Pick(1, 1, 1, 1, 2, 3);
            var extent = (kernel[axis] - 1) * dilations[axis] + 1;
            if (auto == AutoPad.NotSet)
            {
                pads[axis] = form.KeepsSize || (form.IsPlain && s.Chance(0.8)) ? extent / 2 : s.Int(0, extent - 1);
                pads[axes + axis] = form.KeepsSize || form.IsPlain || s.Chance(0.5) ? pads[axis] : s.Int(0, extent - 1);
                if (form.KeepsSize) pads[axes + axis] = extent - 1 - pads[axis];
            }
            if (auto == AutoPad.Valid || auto == AutoPad.NotSet ? size + pads[axis] + pads[axes + axis] < extent : false) return null;
        }
        return new WindowAttributes
        {
            KernelShape = kernel.ToValueList(), Strides = strides.ToValueList(), Dilations = dilations.ToValueList(), AutoPad = auto, Pads = auto == AutoPad.NotSet ? pads.ToValueList() : [],
        };
    }

    private static Value? Transposed(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x)) return null;
        var (channels, axes) = (x.Type[1].Size, x.Type.Rank - 2);
        var groups = s.Chance(0.3) ? Divisor(s, channels) : 1;
        var perGroup = s.Chance(0.3) ? 1 : Math.Max(1, s.Channels(16) / groups);
        var kernel = Enumerable.Range(0, axes).Select(_ => s.Int(1, 4)).ToArray();
        var strides = kernel.Select(_ => s.Pick(1, 2, 2, 3)).ToArray();
        var dilations = kernel.Select(_ => s.Pick(1, 1, 1, 2)).ToArray();
        var pads = kernel.Concat(kernel).Select((size, i) => s.Int(0, (size - 1) * dilations[i % axes] / 2)).ToArray();
        var outputPadding = strides.Select((stride, i) => s.Chance(0.3) ? s.Int(0, Math.Max(stride, dilations[i]) - 1) : 0).ToArray();
        var elements = (long)perGroup * groups;
        for (var axis = 0; axis < axes; axis++)
        {
            var size = (x.Type[2 + axis].Size - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 + outputPadding[axis] - pads[axis] - pads[axes + axis];
            if (size < 1) return null;
            elements *= size;
        }
        if (elements > NetworkSketch.LargestValue || elements * channels * kernel.Aggregate(1, (a, b) => a * b) > MostWork) return null;
        var weights = s.Weights(new Shape([channels, perGroup, .. kernel]), channels / groups * kernel.Aggregate(1, (a, b) => a * b));
        var op = new ConvTranspose
        {
            Groups = groups, OutputPadding = outputPadding.ToValueList(),
            Window = new WindowAttributes { KernelShape = kernel.ToValueList(), Strides = strides.ToValueList(), Dilations = dilations.ToValueList(), Pads = pads.ToValueList() },
        };
        var weight = WeightForms.Any(s, weights, axis: 1);
        return s.Chance(0.5) ? s.Add(op, x, weight) : s.Add(op, x, weight, s.Weight(new Shape(perGroup * groups)));
    }

    // Two convolutions with one weight, added.
    private static Value? Shared(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || x.Type[1].Size > 24) return null;
        var weight = (Value?)null;
        var form = new Form { KeepsSize = true, OutChannels = x.Type[1].Size, Kernel = s.Pick(1, 3), IsPlain = true, Weight = (sketch, weights) => weight ??= WeightForms.Any(sketch, weights) };
        var first = Conv(s, x, form);
        return first is null ? null : Conv(s, s.Add(new Relu(), first), form with { Kernel = weight!.Type[2].Size }) is { } second ? s.Add(new Add(), first, second) : first;
    }
}
