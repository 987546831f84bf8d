using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Pooling with every kind of window.</summary>
internal static class PoolingMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("max pool", (s, x) => Window(s, x) is { } window ? s.Add(new MaxPool { Window = window }, x) : null),
        new("average pool", (s, x) => Window(s, x) is { } window ? s.Add(new AveragePool { Window = window, CountIncludePad = s.Chance(0.5) }, x) : null),
        new("pool of a padded map", (s, x) => MovementMotifs.PaddedMap(s, s.Chance(0.5) && NetworkSketch.IsFloat(x) ? s.Add(new Relu(), x) : x) is { } padded && Window(s, padded) is { } window
            ? s.Add(s.Chance(0.5) ? new MaxPool { Window = window } : new AveragePool { Window = window, CountIncludePad = s.Chance(0.5) }, padded) : null),
        new("global average", (s, x) => NetworkSketch.IsMap(x) ? s.Add(new GlobalAveragePool(), x) : null),
        new("global maximum", (s, x) => NetworkSketch.IsMap(x) ? s.Add(new GlobalMaxPool(), x) : null),
        new("max pool with indices", WithIndices),
        new("max pool of bytes", OfBytes),
    ];

    private static WindowAttributes? Window(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x)) return null;
        var window = ConvolutionMotifs.Window(s, x, new ConvolutionMotifs.Form { Kernel = s.Chance(0.5) ? s.Int(1, 3) : 0 });
        // Every window must see an element, or its maximum is that of nothing.
        if (window is null || window.AutoPad != AutoPad.NotSet) return window;
        return Smaller(window, x) is { } smaller ? smaller with { CeilMode = s.Chance(0.3) } : null;
    }

    private static WindowAttributes? Smaller(WindowAttributes window, Value x)
    {
        var axes = window.KernelShape.Count;
        var pads = window.Pads.Select((pad, i) => Math.Min(pad, window.KernelShape[i % axes] - 1)).ToValueList();
        var fits = Enumerable.Range(0, axes).All(axis => x.Type[2 + axis].Size + pads[axis] + pads[axes + axis] > (window.KernelShape[axis] - 1) * (window.Dilations.Count > 0 ? window.Dilations[axis] : 1));
        return fits ? window with { Pads = pads } : null;
    }

    private static Value? WithIndices(NetworkSketch s, Value x)
    {
        if (Window(s, x) is not { } window) return null;
        var node = s.Graph.AddNode(new MaxPool { Window = window, ColumnMajorIndices = s.Chance(0.3) }, [x], null, ["", "indices"]);
        s.Values.Add(node.Outputs[1]);
        return node.Outputs[0];
    }

    private static Value? OfBytes(NetworkSketch s, Value x)
    {
        if (x.Type.DataType is not (DataType.UInt8 or DataType.Int8) || x.Type.Rank != 4 || !NetworkSketch.IsBatched(x) || x.Type[2].Size < 2 || x.Type[3].Size < 2) return null;
        return s.Add(new MaxPool { Window = WindowAttributes.Uniform(2, s.Int(1, 2)) }, x);
    }
}
