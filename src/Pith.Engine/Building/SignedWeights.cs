using Pith.Ops;
using Pith.Passes;

namespace Pith.Building;

/// <summary>
/// Brings the quantized weights of contractions of quantized data into the form that INT8 kernels take: int8 with zero point 0, next to their DequantizeLinear. Integers are moved through what stands after it
/// (Transpose, Reshape), and zero points are subtracted. A difference of two bytes may need nine bits: such a weight is the sum of two or three, and the data's channel is there as often, after the others. All of
/// it is exact: the sums of products are the same integers.
/// </summary>
internal sealed class SignedWeights : Pass
{
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
            if (node.Op is Conv or Gemm { TransA: false } or MatMul && Rewrite(graph, node)) changes++;
        return changes;
    }

    private static bool Rewrite(Graph graph, Node node)
    {
        var (data, weight) = (node.Input(0)!, node.Input(1)!);
        if (!QdqPatterns.IsDequantized(data, out var quantized, out var quantization) || StoredWeight.Of(weight) is not { } stored || stored.IsRegular) return false;
        if (!stored.Scales.All(scale => Quantization.IsExact(quantization.Scale, scale))) return false;
        var differences = stored.Differences();
        if (differences.All(difference => difference is >= sbyte.MinValue and <= sbyte.MaxValue))
        {
            graph.ReplaceInput(node, 1, Weights(graph, weight, stored, weight.Type.ToShape(), Array.ConvertAll(differences, difference => (sbyte)difference)));
            return true;
        }
        return node.Op is not Conv { Groups: not 1 } && weight.Type.Rank >= 2 && data.Type.Rank is 2 or 4 && SplitWide(graph, node, data, quantized, stored, differences);
    }

    private static bool SplitWide(Graph graph, Node node, Value data, Value quantized, StoredWeight stored, int[] differences)
    {
        var shape = node.Input(1)!.Type.ToShape();
        var isConv = node.Op is Conv;
        var (weightAxis, dataAxis) = (isConv || node.Op is Gemm { TransB: true } ? 1 : shape.Rank - 2, isConv ? 1 : data.Type.Rank - 1);
        if (!data.Type[dataAxis].IsFixed) return false;
        var (inner, channels) = (shape.LengthOf(weightAxis + 1, shape.Rank), shape[weightAxis]);
        var copies = Enumerable.Repeat(1, channels).ToArray();
        for (var i = 0; i < differences.Length; i++) copies[i / inner % channels] = Math.Max(copies[i / inner % channels], Parts(differences[i]));
        int[] repeated = [.. copies.Index().SelectMany(channel => Enumerable.Repeat(channel.Index, channel.Item - 1))];
        int[] dims = [.. Enumerable.Range(0, shape.Rank).Select(axis => axis == weightAxis ? channels + repeated.Length : shape[axis])];
        var wide = new Shape(dims);
        var split = new sbyte[wide.Length];
        for (var i = 0; i < differences.Length; i++)
        {
            var (outer, channel, at) = (i / inner / channels, i / inner % channels, i % inner);
            var position = channel;
            for (var rest = differences[i]; ; position = position == channel ? channels + Array.IndexOf(repeated, channel) : position + 1)
            {
                var part = Math.Clamp(rest, sbyte.MinValue, sbyte.MaxValue);
                split[(outer * dims[weightAxis] + position) * inner + at] = (sbyte)part;
                if ((rest -= part) == 0) break;
            }
        }
        var doubled = graph.AddNode(new RepeatChannels(dataAxis, [.. repeated]), [quantized], $"{node.Name}/repeat").Output;
        var dequantize = data.Producer!;
        var wideData = graph.AddNode(dequantize.Op, [doubled, .. dequantize.Inputs.Skip(1)], $"{node.Name}/wide").Output;
        var op = node.Op is Conv conv ? conv with { Window = conv.Window with { KernelShape = [] } } : node.Op;
        Value?[] inputs = [wideData, Weights(graph, node.Input(1)!, stored, wide, split), .. node.Inputs.Skip(2)];
        var (name, valueName) = (node.Name, node.Output.Name);
        var made = graph.AddNode(op, inputs, name);
        graph.ReplaceAllUses(node.Output, made.Output);
        graph.Remove(node);
        graph.Rename(made, name);
        graph.Rename(made.Output, valueName);
        return true;
    }

    // How many signed bytes add up to a difference.
    private static int Parts(int difference) => difference > 2 * sbyte.MaxValue ? 3 : difference is > sbyte.MaxValue or < sbyte.MinValue ? 2 : 1;

    private static Value Weights(Graph graph, Value weight, StoredWeight stored, Shape shape, sbyte[] integers)
    {
        var constant = graph.AddConstant($"{weight.Name}/int8", Tensor.Create(shape, integers));
        var scales = graph.AddConstant($"{weight.Name}/scale", stored.Axis is null ? Tensor.Scalar(stored.Scales[0]) : Tensor.Vector<float>(stored.Scales));
        return graph.AddNode(new DequantizeLinear { Axis = stored.Axis ?? 0 }, [constant, scales], $"{weight.Name}/dequantize").Output;
    }

    /// <summary>Integers before a DequantizeLinear, seen through what moves its result.</summary>
    private sealed class StoredWeight
    {
        public required Tensor Integers { get; init; }

        public required int[] ZeroPoints { get; init; }

        /// <summary>True for int8 with zero point 0 right before the DequantizeLinear.</summary>
        public bool IsRegular { get; private init; }

        /// <summary>One scale, or one for each index of <see cref="Axis"/>.</summary>
        public required float[] Scales { get; init; }

        /// <summary>The axis of scales and zero points in the weight as it is read; null for one of each.</summary>
        public int? Axis { get; private init; }

        public static StoredWeight? Of(Value weight)
        {
            var moves = new List<Node>();
            var value = weight;
            for (; value.Producer is { Op: Transpose or Reshape or Flatten or Squeeze or Unsqueeze or Identity } move; value = move.Inputs[0]!) moves.Add(move);
            if (value.Producer is not { Op: DequantizeLinear { BlockSize: 0 } dequantize } node || QdqPatterns.Constant(node.Inputs[0]!) is not { } integers || !integers.DataType.IsQuantized()) return null;
            if (QdqPatterns.Constant(node.Inputs[1]!) is not Tensor<float> scale) return null;
            var zero = node.Input(2) is { } given ? QdqPatterns.Constant(given) : Tensor.Vector(0);
            if (zero is null) return null;
            var zeros = IntegersOf(zero);
            int? axis = scale.Length > 1 || zeros.Length > 1 ? (dequantize.Axis < 0 ? dequantize.Axis + integers.Shape.Rank : dequantize.Axis) : null;
            if (axis is { } along && ((scale.Length > 1 && scale.Length != integers.Shape[along]) || (zeros.Length > 1 && zeros.Length != integers.Shape[along]))) return null;
            Tensor moved = integers;
            foreach (var move in Enumerable.Reverse(moves))
            {
                if (move.Inputs.Skip(1).Any(operand => operand is { Constant: null })) return null;
                var before = moved.Shape;
                moved = move.Op.Evaluate([moved, .. move.Inputs.Skip(1).Select(operand => operand?.Constant)], 1)[0];
                if (axis is { } at && (axis = AxisAfter(move, at, before, moved.Shape)) is null) return null;
            }
            var count = axis is { } channels ? moved.Shape[channels] : 1;
            float[] scales = [.. Enumerable.Range(0, count).Select(c => scale.Data[scale.Length == 1 ? 0 : c])];
            return new StoredWeight
            {
                IsRegular = moves.Count == 0 && integers.DataType == DataType.Int8 && zeros.All(z => z == 0),
                Scales = scales,
                Axis = axis,
                Integers = moved,
                ZeroPoints = zeros,
            };
        }

        /// <summary>Each integer less its zero point, -255 to 255.</summary>
        public int[] Differences()
        {
            var inner = Axis is { } axis ? Integers.Shape.LengthOf(axis + 1, Integers.Shape.Rank) : 1;
            var differences = IntegersOf(Integers).ToArray();
            for (var i = 0; i < differences.Length; i++) differences[i] -= ZeroPoints[ZeroPoints.Length == 1 ? 0 : i / inner % ZeroPoints.Length];
            return differences;
        }

        private static int[] IntegersOf(Tensor tensor) => tensor.ConvertTo(DataType.Int32).As<int>().Data;

        // Where an axis is after a move; null when a reshape takes it apart.
        private static int? AxisAfter(Node move, int axis, Shape before, Shape after)
        {
            if (move.Op is Transpose transpose) return Array.IndexOf([.. transpose.PermutationOf(before.Rank)], axis);
            var outer = before.LengthOf(0, axis);
            for (var at = 0; at < after.Rank; at++)
                if (after[at] == before[axis] && after.LengthOf(0, at) == outer) return at;
            return null;
        }
    }
}
