using Pith.Ops;

namespace Pith.Compression.Data;

/// <summary>Writes normalisation into a network, see <see cref="Preprocessing.FoldInto"/>: one node for each place where <see cref="PixelNormalizer"/> rounds.</summary>
internal static class PreprocessingFold
{
    public static Graph Apply(Preprocessing preprocessing, Graph graph, ImageLayout layout)
    {
        var result = graph.Clone();
        var old = RequireFloatImages(result, preprocessing.Channels);
        var name = old.Name;
        result.Rename(old, $"{name}/unused");
        var (type, own) = (old.Type, ImageInput.Of(graph).IsInterleaved ? ImageLayout.Nhwc : ImageLayout.Nchw);
        var image = result.AddInput(name, new TensorType(DataType.UInt8, layout == own ? type.Dims : layout == ImageLayout.Nchw ? [type[0], type[3], type[1], type[2]] : [type[0], type[2], type[3], type[1]]));
        if (layout != own) image = Add(result, name, PreprocessingJson.NameOf(own), new Transpose(own == ImageLayout.Nchw ? [0, 3, 1, 2] : [0, 2, 3, 1]), image);
        result.ReplaceAllUses(old, Normalised(result, name, image, preprocessing, own));
        result.Remove(old);
        result.Metadata[Preprocessing.MetadataKey] = (preprocessing.KeepingSamples() with { Layout = null }).ToJson();
        return result;
    }

    private static Value RequireFloatImages(Graph graph, int channels)
    {
        var input = ImageInput.Of(graph);
        if (input.TakesBytes) throw new PithException($"Network '{graph.Name}' takes bytes already: its input '{input.Name}' is {input.Type}.");
        if (input.Type.DataType != DataType.Float32 || input.Type.Rank != 4 || input.Type[input.IsInterleaved ? 3 : 1] != Dim.Of(channels))
            throw new PithException($"Network '{graph.Name}': its input '{input.Name}' is {input.Type}, expected float images [N, {channels}, H, W] or [N, H, W, {channels}] for a preprocessing of {channels} channel{(channels == 1 ? "" : "s")}.");
        return graph.Inputs[0];
    }

    private static Value Normalised(Graph graph, string name, Value image, Preprocessing preprocessing, ImageLayout layout)
    {
        var value = Add(graph, name, "float", new Cast(DataType.Float32), image);
        if (preprocessing.Scale != 1) value = Scaled(graph, name, value, preprocessing.Scale);
        if (preprocessing.Mean.Any(mean => mean != 0)) value = Add(graph, name, "centred", new Sub(), value, PerChannel(graph, name, "mean", preprocessing.Mean, layout));
        if (preprocessing.Std.Any(std => std != 1)) value = Add(graph, name, "normalised", new Div(), value, PerChannel(graph, name, "std", preprocessing.Std, layout));
        return value;
    }

    // (float)(sample * scale) in double precision is a float division, as by 255, or else a float product.
    private static Value Scaled(Graph graph, string name, Value value, double scale)
    {
        var divisor = (float)(1 / scale);
        var isQuotient = Enumerable.Range(0, 256).All(sample => sample / divisor == (float)(sample * scale));
        var constant = graph.AddConstant($"{name}/scale", Tensor.Scalar(isQuotient ? divisor : (float)scale));
        return Add(graph, name, "scaled", isQuotient ? new Div() : new Mul(), value, constant);
    }

    private static Value PerChannel(Graph graph, string name, string what, ValueList<float> values, ImageLayout layout) =>
        graph.AddConstant($"{name}/{what}", Tensor.Create(layout == ImageLayout.Nchw ? new Shape(1, values.Count, 1, 1) : new Shape(values.Count), values.ToArray()));

    private static Value Add(Graph graph, string name, string what, Op op, params ReadOnlySpan<Value?> operands) => graph.AddNode(op, operands, $"{name}/{what}").Output;
}
