using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Evaluation;

/// <summary>Which operands of a layer are quantized.</summary>
[Flags]
internal enum QuantizedParts
{
    None = 0,
    Weights = 1,
    Activations = 2,
    All = Weights | Activations,
}

/// <summary>An activation that a Q/DQ pair rounds.</summary>
/// <param name="Tensor">Its name before the pair: the float tensor.</param>
/// <param name="Quantized">The name of the integers.</param>
/// <param name="Scale">The scale; null when there are several.</param>
/// <param name="ZeroPoint">The zero point.</param>
/// <param name="Low">The smallest integer of its type.</param>
/// <param name="High">The largest integer.</param>
internal sealed record ActivationPair(string Tensor, string Quantized, float? Scale, int ZeroPoint, int Low, int High);

/// <summary>A node that reads quantized operands.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="OpType">Its op.</param>
/// <param name="Activations">Where activations enter: the reader of the dequantized value (the node itself, or a Flatten or Transpose before it), the operand's position, and the float tensor.</param>
/// <param name="Constants">Positions of the operands that are dequantized constants: weight and bias.</param>
internal sealed record QdqLayer(string Name, string OpType, IReadOnlyList<(string Reader, int Index, string Tensor)> Activations, IReadOnlyList<int> Constants);

/// <summary>
/// A network with Q/DQ pairs, seen as layers whose quantization can be switched off one by one: what a layer costs is measured on such variants. Immutable; the graph must not change.
/// </summary>
internal sealed class QdqNetwork
{
    private readonly Dictionary<(string Layer, int Index), Tensor> _floats = [];

    /// <summary>Finds pairs and layers.</summary>
    /// <param name="graph">A network as <c>quantize</c> writes it, or another program.</param>
    /// <param name="floatModel">The network before quantization, simplified; null when it is not known: constants then are what the integers stand for.</param>
    /// <exception cref="PithException">There is no pair.</exception>
    public QdqNetwork(Graph graph, Graph? floatModel)
    {
        Graph = graph;
        Activations = [.. graph.Nodes.Where(IsPair).Select(Describe)];
        Layers = [.. graph.Nodes.Select(LayerOf).OfType<QdqLayer>()];
        if (Layers.Count == 0) throw new PithException($"'{graph.Name}' has no layer that reads values from a DequantizeLinear, so there is nothing quantized to look at. Expected a network with QuantizeLinear/DequantizeLinear pairs, as pith quantize writes it.");
        if (floatModel is not null) TakeFloats(EqualizationRecord.Applied(floatModel, graph.Metadata));
    }

    /// <summary>The network.</summary>
    public Graph Graph { get; }

    /// <summary>The pairs, in execution order.</summary>
    public IReadOnlyList<ActivationPair> Activations { get; }

    /// <summary>The layers that read quantized operands, in execution order.</summary>
    public IReadOnlyList<QdqLayer> Layers { get; }

    /// <summary>Layers whose weights are those of the float model up to rounding (and recorded factors of channels), so that both are interchangeable.</summary>
    public IReadOnlySet<string> Matched => _floats.Keys.Select(key => key.Layer).ToHashSet(StringComparer.Ordinal);

    /// <summary>The float weight of a layer from the float model; null when that is unknown or another one.</summary>
    public Tensor? FloatConstant(string layer, int index) => _floats.GetValueOrDefault((layer, index));

    /// <summary>How the weight of a layer is rounded; null when it has none of 8 bits.</summary>
    public WeightDiagnosis? Weight(QdqLayer layer)
    {
        var node = Graph.Nodes.First(node => node.Name == layer.Name);
        if (WeightOperand.Of(node) is not { IsQuantized: true } weight || weight.Effective() is not Tensor<float> rounded || Steps(node.Inputs[weight.Index]!) is not Tensor<float> steps) return null;
        var (axis, shape) = (weight.OutputAxis ?? 0, weight.Shape);
        var levels = new float[weight.OutputAxis is null ? 1 : weight.Outputs];
        var inner = shape.LengthOf(axis + 1, shape.Rank);
        for (var i = 0; i < rounded.Length; i++)
        {
            ref var most = ref levels[i / inner % levels.Length];
            most = Math.Max(most, Math.Abs(rounded.Data[i]) / steps.Data[i]);
        }
        var oneScale = steps.Span.IndexOfAnyExcept(steps.Data[0]) < 0 && levels.Length > 1;
        var few = levels.Count(most => most is > 0 and < (float)ChannelUse.FewLevelsBelow);
        if (FloatConstant(layer.Name, weight.Index) is not Tensor<float> exact) return new WeightDiagnosis(levels.Length, oneScale, few, null, null);
        var all = new SignalComparison();
        SignalComparison[] byChannel = [.. levels.Select(_ => new SignalComparison())];
        for (var at = 0; at < exact.Length; at += inner)
        {
            all.Add(exact.Span.Slice(at, inner), rounded.Span.Slice(at, inner));
            byChannel[at / inner % levels.Length].Add(exact.Span.Slice(at, inner), rounded.Span.Slice(at, inner));
        }
        return new WeightDiagnosis(levels.Length, oneScale, few, TensorError.Of(all), byChannel.Min(channel => channel.SnrDecibels));
    }

    /// <summary>The network with some layers in float: their activations are read before the pair, their constants are floats.</summary>
    /// <param name="quantized">What stays quantized of each layer.</param>
    public Graph With(Func<QdqLayer, QuantizedParts> quantized)
    {
        var copy = Graph.Clone();
        var nodes = copy.Nodes.ToDictionary(node => node.Name, StringComparer.Ordinal);
        var isFloat = true;
        foreach (var layer in Layers)
        {
            var parts = quantized(layer);
            isFloat &= parts == QuantizedParts.None;
            if (!parts.HasFlag(QuantizedParts.Activations))
                foreach (var (reader, index, tensor) in layer.Activations) copy.ReplaceInput(nodes[reader], index, copy.Find(tensor));
            if (!parts.HasFlag(QuantizedParts.Weights)) MakeConstantsFloat(copy, nodes[layer.Name], layer);
        }
        if (isFloat)
            foreach (var output in copy.Outputs.Where(output => output.Producer is { Op: DequantizeLinear }).ToArray())
                if (PairBehind(output) is { } source) copy.ReplaceAllUses(output, source);
        new RemoveDeadNodes().Apply(copy);
        return copy;
    }

    private void MakeConstantsFloat(Graph copy, Node node, QdqLayer layer)
    {
        foreach (var index in layer.Constants)
            copy.SetConstantOperand(node, index, FloatConstant(layer.Name, index) ?? WeightOperand.Evaluate(node.Inputs[index]!)!, $"{node.Name}/float{index}");
        // A float bias is whole units of the accumulator; that rounding belongs to the quantized weight.
        if (!layer.Constants.Contains(2) && FloatConstant(layer.Name, 2) is { } bias) copy.SetConstantOperand(node, 2, bias, $"{node.Name}/float2");
    }

    private void TakeFloats(Graph floatModel)
    {
        var byName = floatModel.Nodes.ToDictionary(node => node.Name, StringComparer.Ordinal);
        foreach (var layer in Layers)
        {
            var node = Graph.Nodes.First(node => node.Name == layer.Name);
            if (WeightOperand.Of(node) is not { IsQuantized: true } weight || !layer.Constants.Contains(weight.Index)) continue;
            if ((byName.GetValueOrDefault(layer.Name) ?? floatModel.Find(node.Output.Name)?.Producer) is not { } partner || partner.Op.GetType() != node.Op.GetType()) continue;
            if (Evaluate(partner, weight.Index) is not Tensor<float> exact || weight.Effective() is not Tensor<float> rounded || exact.Shape != rounded.Shape || Steps(node.Inputs[weight.Index]!) is not Tensor<float> steps) continue;
            if (!WeightMatch.IsRounded(exact, rounded, steps, weight.OutputAxis is { } outputs ? [outputs, weight.ReductionAxis] : [weight.ReductionAxis])) continue;
            _floats[(layer.Name, weight.Index)] = exact;
            if (Evaluate(partner, 2) is Tensor<float> bias && node.Input(2) is { } own && own.Type == TensorType.Of(bias)) _floats[(layer.Name, 2)] = bias;
        }
    }

    private static Tensor? Evaluate(Node node, int index) => node.Input(index) is { } value ? WeightOperand.Evaluate(value) : null;

    /// <summary>The distance between neighbouring values of each element of a dequantized constant; null when it is not a constant of 8 bits.</summary>
    private static Tensor? Steps(Value value)
    {
        if (value.Producer is not { } node) return null;
        Tensor? data;
        if (node.Op is DequantizeLinear)
        {
            if (node.Inputs[0]!.Type.DataType is not (DataType.Int8 or DataType.UInt8) || WeightOperand.Evaluate(node.Inputs[0]!) is not { } integers) return null;
            data = Tensor.Zeros(integers.DataType, integers.Shape);
            data.Bytes.Fill(1);
            return node.Op.Evaluate([data, node.Inputs[1]!.Constant, null], 1)[0];
        }
        data = Steps(node.Inputs[0]!);
        return data is null ? null : node.Op.Evaluate([data, .. node.Inputs.Skip(1).Select(input => input?.Constant)], 1)[0];
    }

    private static QdqLayer? LayerOf(Node node)
    {
        if (node.Op is QuantizeLinear or DequantizeLinear || Moves(node)) return null;
        var activations = new List<(string, int, string)>();
        var constants = new List<int>();
        for (var index = 0; index < node.Inputs.Count; index++)
        {
            if (node.Inputs[index] is not { } operand) continue;
            var (reader, at) = (node, index);
            while (reader.Inputs[at] is { Producer: { } producer } && Moves(producer)) (reader, at) = (producer, 0);
            if (reader.Inputs[at] is not { Producer.Op: DequantizeLinear } dequantized) continue;
            if (WeightOperand.ConstantBehind(operand) is not null) constants.Add(index);
            else if (PairBehind(dequantized) is { } source) activations.Add((reader.Name, at, source.Name));
        }
        return activations.Count + constants.Count == 0 ? null : new QdqLayer(node.Name, node.Op.Schema.Name, activations, constants);
    }

    // The float value that a pair rounds; null when something else than a pair makes the integers.
    private static Value? PairBehind(Value dequantized) => dequantized.Producer!.Inputs[0]!.Producer is { Op: QuantizeLinear } quantize && quantize.Inputs[0]!.Constant is null ? quantize.Inputs[0] : null;

    private static bool Moves(Node node) => node.Op is Transpose or Identity or Reshape or Flatten or Squeeze or Unsqueeze;

    private static bool IsPair(Node node) => node.Op is QuantizeLinear && node.Inputs[0]!.Constant is null && node.Output.Uses.Any(use => use.Node.Op is DequantizeLinear);

    private static ActivationPair Describe(Node node)
    {
        var scale = node.Inputs[1]!.Constant is { Length: 1 } single ? single.ConvertTo(DataType.Float32).As<float>().Span[0] : (float?)null;
        var zeroPoint = node.Input(2)?.Constant is { Length: 1 } zero ? zero.ConvertTo(DataType.Int32).As<int>().Span[0] : 0;
        var (low, high) = node.Output.Type.DataType switch
        {
            DataType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
            DataType.UInt8 => (byte.MinValue, byte.MaxValue),
            DataType.Int16 => (short.MinValue, short.MaxValue),
            DataType.UInt16 => (ushort.MinValue, (int)ushort.MaxValue),
            _ => (0, 0),
        };
        return new ActivationPair(node.Inputs[0]!.Name, node.Output.Name, high == 0 ? null : scale, zeroPoint, low, high);
    }
}
