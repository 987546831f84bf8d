using Pith.Ops;

namespace Pith.Compression.Reconstruction;

/// <summary>
/// A convolution or matrix product as what it is: for each convolution group a matrix of weights, and samples (patches of the input, or rows of it) that it is multiplied by. Columns of the matrix are ordered by kernel position,
/// then by input channel, so that four in a row are a quad of 2:4 sparsity. Describes one node of one graph; immutable.
/// </summary>
internal sealed class LinearLayer
{
    private readonly WeightOperand _weight;
    private readonly WindowAttributes? _window;

    private LinearLayer(WeightOperand weight, WeightAxes stored)
    {
        (_weight, Stored) = (weight, stored);
        Node = weight.Node;
        _window = (Node.Op as Conv)?.Window;
        Groups = weight.Groups;
        Rows = weight.Outputs / Groups;
        Channels = weight.Reduction;
        Kernel = Node.Op is Conv ? [.. weight.Shape.Dims.Skip(2)] : [];
        Columns = Channels * Kernel.Aggregate(1, (product, size) => product * size);
    }

    /// <summary>The node.</summary>
    public Node Node { get; }

    /// <summary>Convolution groups; 1 for matrix products.</summary>
    public int Groups { get; }

    /// <summary>Output channels of a group.</summary>
    public int Rows { get; }

    /// <summary>Input channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Weights of an output channel: <see cref="Channels"/> times the kernel's positions.</summary>
    public int Columns { get; }

    /// <summary>The operand that is data.</summary>
    public Value Data => Node.Inputs[0]!;

    /// <summary>The weight.</summary>
    public WeightOperand Weight => _weight;

    /// <summary>Where the weight's axes lie in the constant; there may be a Transpose between the two.</summary>
    public WeightAxes Stored { get; }

    /// <summary>Whether the layer adds a constant of one element per output channel, or can be given one.</summary>
    public bool TakesBias => Node.Op is MatMul ? LayerBias.Of(Node) is not null : Node.Op is Conv or Gemm { Beta: 1, Alpha: 1 } && Node.Input(2) is null or { Constant: Tensor<float> { Shape.Rank: 1 } };

    /// <summary>What the layer computes, its bias included.</summary>
    public Value Result => LayerBias.ResultOf(Node);

    private int[] Kernel { get; }

    /// <summary>The layer of <paramref name="node"/>, or why its weights cannot be seen in this way.</summary>
    public static (LinearLayer? Layer, string? Reason) Of(Node node)
    {
        if (WeightOperand.Of(node) is not { } weight) return (null, "its weight is not a constant");
        if (node.Op is ConvTranspose) return (null, "transposed convolutions are not reconstructed");
        if (weight.Index != 1 || node.Op is Gemm { TransA: true } || node.Op is MatMul && weight.Shape.Rank != 2) return (null, "only a right operand that is one matrix is reconstructed");
        if (node.Op is Gemm { Alpha: not 1 }) return (null, "products with a factor alpha are not reconstructed");
        // A matrix may be stored transposed; a kernel has to lie as the convolution reads it.
        if (weight.Constant.Constant is not Tensor<float> || weight.StoredLayout is not { } stored || node.Op is Conv && stored != weight.OperandLayout) return (null, "its weight is stored in another form");
        if (node.Inputs[0]!.Type.Rank < 2) return (null, "its data is a vector");
        if (node.Graph.Inputs is [{ Type: { Rank: > 0 } images }, ..] && node.Inputs[0]!.Type[0] != images[0]) return (null, "the batch is not the outermost axis of its data");
        return (new LinearLayer(weight, stored), null);
    }

    /// <summary>The place of a weight in the constant.</summary>
    /// <param name="group">The convolution group.</param>
    /// <param name="row">The output channel of the group.</param>
    /// <param name="column">The column.</param>
    public int IndexOf(int group, int row, int column)
    {
        var (position, channel) = Math.DivRem(column, Channels);
        return Node.Op is Conv ? ((group * Rows + row) * Channels + channel) * (Columns / Channels) + position : channel * Stored.Reduction.Inner + row * Stored.OutputStride;
    }

    /// <summary>The weights of each convolution group, a row for each output channel.</summary>
    public float[][] Read()
    {
        var constant = ((Tensor<float>)_weight.Constant.Constant!).Data;
        var weights = new float[Groups][];
        for (var group = 0; group < Groups; group++)
        {
            weights[group] = new float[Rows * Columns];
            for (var i = 0; i < weights[group].Length; i++) weights[group][i] = constant[IndexOf(group, i / Columns, i % Columns)];
        }
        return weights;
    }

    /// <summary>Gives the layer other weights, and the biases that are best with them.</summary>
    /// <param name="graph">The layer's graph.</param>
    /// <param name="weights">As from <see cref="Read"/>.</param>
    /// <param name="objectives">Of each group.</param>
    public void Write(Graph graph, float[][] weights, LayerObjective[] objectives) => Put(graph, Flat(weights), BiasesWith(weights, objectives));

    /// <summary>Gives the layer other weights and biases.</summary>
    /// <param name="graph">The layer's graph.</param>
    /// <param name="weights">As from <see cref="Flat"/>.</param>
    /// <param name="biases">As from <see cref="BiasesWith"/>.</param>
    public void Put(Graph graph, float[] weights, float[] biases)
    {
        graph.SetConstant(_weight.Constant, Tensor.Create(_weight.Constant.Constant!.Shape, weights));
        if (!TakesBias) return;
        if (Node.Op is MatMul && LayerBias.Of(Node) is var (add, index)) graph.SetConstantOperand(add, index, Tensor.Create(((Tensor<float>)add.Inputs[index]!.Constant!).Shape, biases), add.Inputs[index]!.Name);
        else graph.SetConstantOperand(Node, 2, Tensor.Create(new Shape(biases.Length), biases), Node.Input(2)?.Name ?? $"{Node.Name}/bias");
    }

    /// <summary>Weights in the order in which the constant has them.</summary>
    public float[] Flat(float[][] weights)
    {
        var flat = new float[Groups * Rows * Columns];
        for (var group = 0; group < Groups; group++)
            for (var i = 0; i < weights[group].Length; i++) flat[IndexOf(group, i / Columns, i % Columns)] = weights[group][i];
        return flat;
    }

    /// <summary>The best bias of each output channel; none where <see cref="TakesBias"/> does not hold.</summary>
    public float[] BiasesWith(float[][] weights, LayerObjective[] objectives)
    {
        if (!TakesBias) return [];
        var biases = new float[Groups * Rows];
        for (var i = 0; i < biases.Length; i++)
        {
            var (group, row) = Math.DivRem(i, Rows);
            biases[i] = (float)objectives[group].BiasOf(row, weights[group].AsSpan(row * Columns, Columns));
        }
        return biases;
    }

    /// <summary>The number of samples that one image gives: output pixels, or rows of the data.</summary>
    /// <param name="data">The data of a batch.</param>
    public int SamplesPerImage(Tensor data) => Node.Op is Conv ? Axes(data).Aggregate(1, (product, axis) => product * axis.Output) : data.Length / data.Shape[0] / Channels;

    /// <summary>Writes the samples of an image into rows of <paramref name="samples"/>, from row <see cref="SampleMatrix.Count"/> on, which grows.</summary>
    /// <param name="data">The data of a batch, as the graph has it.</param>
    /// <param name="image">Which image of the batch.</param>
    /// <param name="places">Which samples of the image.</param>
    /// <param name="group">The convolution group.</param>
    /// <param name="samples">Has <see cref="Columns"/> columns.</param>
    public void Gather(Tensor<float> data, int image, ReadOnlySpan<int> places, int group, SampleMatrix samples)
    {
        if (Node.Op is Conv) GatherPatches(data, image, places, group, samples);
        else
            foreach (var place in places)
                data.Data.AsSpan((image * SamplesPerImage(data) + place) * Channels, Channels).CopyTo(samples.Row(samples.Count++));
    }

    /// <summary>Writes the layer's results at the same places, the channels of one group.</summary>
    /// <param name="results">The results of a batch.</param>
    /// <param name="image">Which image of the batch.</param>
    /// <param name="places">Which samples of the image.</param>
    /// <param name="group">The convolution group.</param>
    /// <param name="samples">Has <see cref="Rows"/> columns.</param>
    public void GatherResults(Tensor<float> results, int image, ReadOnlySpan<int> places, int group, SampleMatrix samples)
    {
        var perImage = results.Length / results.Shape[0];
        var pixels = Node.Op is Conv ? perImage / (Groups * Rows) : 1;
        foreach (var place in places)
        {
            var row = samples.Row(samples.Count++);
            if (Node.Op is Conv)
                for (var k = 0; k < Rows; k++) row[k] = results.Data[image * perImage + (group * Rows + k) * pixels + place];
            else results.Data.AsSpan(image * perImage + place * Rows, Rows).CopyTo(row);
        }
    }

    private void GatherPatches(Tensor<float> data, int image, ReadOnlySpan<int> places, int group, SampleMatrix samples)
    {
        var axes = Axes(data);
        var pixels = axes.Aggregate(1, (product, axis) => product * axis.Input);
        var first = (image * data.Shape[1] + group * Channels) * pixels;
        Span<int> output = stackalloc int[axes.Count];
        Span<int> tap = stackalloc int[axes.Count];
        foreach (var place in places)
        {
            Split(place, axes, static axis => axis.Output, output);
            var row = samples.Row(samples.Count++);
            for (var position = 0; position < Columns / Channels; position++)
            {
                Split(position, axes, static axis => axis.Kernel, tap);
                var target = row.Slice(position * Channels, Channels);
                var (pixel, isInside) = (0, true);
                for (var axis = 0; axis < axes.Count; axis++)
                {
                    var at = axes[axis].InputAt(output[axis], tap[axis]);
                    isInside &= at >= 0 && at < axes[axis].Input;
                    pixel = pixel * axes[axis].Input + at;
                }
                if (!isInside) target.Clear();
                else
                    for (var c = 0; c < Channels; c++) target[c] = data.Data[first + c * pixels + pixel];
            }
        }
    }

    private ValueList<WindowAxis> Axes(Tensor data) => _window!.Resolve([.. data.Shape.Dims.Skip(2)], Kernel);

    private static void Split(int index, ValueList<WindowAxis> axes, Func<WindowAxis, int> size, Span<int> places)
    {
        for (var axis = axes.Count - 1; axis >= 0; axis--) (index, places[axis]) = Math.DivRem(index, size(axes[axis]));
    }
}
