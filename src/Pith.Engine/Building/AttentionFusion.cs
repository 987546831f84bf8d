using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Recognises attention around a Softmax: MatMul, a factor and a mask before it, MatMul after it, with QuantizeLinear and DequantizeLinear where they may stand. Operands are followed back through
/// Transpose, Reshape, Split, Gather and the like to the tensor that they are parts of, and results forward through Transpose and Reshape, so that nothing is copied.
/// </summary>
internal static class AttentionFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (context.Literal || node.Op is not Softmax { FlattensTrailingAxes: false } softmax || node.Output.Type.DataType != DataType.Float32) return null;
        var rank = node.Output.Type.Rank;
        return rank >= 2 && (softmax.Axis == -1 || softmax.Axis == rank - 1) ? new Search(node, context).Fused() : null;
    }

    /// <summary>An operand before it is known whether all of them fit.</summary>
    private sealed record Found(Value Base, StridedView View, float Factor, Quantization? Quantization);

    private sealed class Search(Node softmax, FusionContext context)
    {
        private readonly List<Node> _nodes = [softmax];
        private float _scale = 1;
        private Value? _mask;

        public FusedNode? Fused()
        {
            if (Scores() is not { } product || Weighted() is not var (second, weights8, result)) return null;
            var (left, right, values) = (product.Input(0)!, product.Input(1)!, second.Input(1)!);
            var shape = context.ShapeOf(softmax.Output);
            var leading = shape.Axes.SkipLast(2).ToValueList();
            if (!shape.IsFixedPerImage || new[] { left, right, values, second.Output }.Any(value => value.Type.Rank != shape.Rank || !context.ShapeOf(value).Axes.SkipLast(2).SequenceEqual(leading))) return null;
            // Rows may grow with the batch only where there are no leading axes; then they are none of attention.
            if (shape.Rank == 2 && shape[0].Grows || shape.IsEmpty) return null;
            if (Operand(left, needsRows: true) is not { } q || Operand(right, needsRows: false) is not { } k || Operand(values, needsRows: false) is not { } v) return null;
            if ((q.Quantization is null) != (k.Quantization is null) || (v.Quantization is null) != (weights8 is null)) return null;
            var (m, d, t, w) = (shape[-2].Fixed, context.ShapeOf(left)[-1].Fixed, shape[-1].Fixed, context.ShapeOf(values)[-1].Fixed);
            if (d == 0 || w == 0 || !IsExact(d, q.Quantization, k.Quantization) || !IsExact(t, weights8, v.Quantization)) return null;
            if (_mask is not null && MaskOf(shape) is null) return null;
            var end = result;
            var target = End(ref end, weights8);
            var (scale, mask) = (_scale, _mask is null ? null : MaskOf(shape));
            return new FusedNode
            {
                Nodes = [.. _nodes.OrderBy(context.Order)],
                Inputs = [q.Base, k.Base, v.Base, _mask],
                Outputs = [end],
                Layouts = target.Quantization is null ? LayoutRule.RowMajor : new LayoutRule((_, _) => Layout.RowMajor, (_, _) => Layout.Tokens),
                Create = parts => new AttentionLayer
                {
                    Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs, Query = Of(q), Key = Of(k), Value = Of(v), Mask = mask, Scale = scale,
                    Weights8 = weights8, Result = target.Matrices, ResultQuantization = target.Quantization, LeadingShape = new BatchShape(leading), M = m, D = d, T = t, W = w,
                },
            };
        }

        private static AttentionOperand Of(Found found) => new(Matrices(found.View), found.Factor, found.Quantization);

        private static AttentionMatrices Matrices(StridedView view) => new(view.Offset, view.Strides.SkipLast(2).ToValueList(), checked((int)view.Strides[^2]), checked((int)view.Strides[^1]));

        // Up to 2^24, sums of floats that are integers are exact.
        private static bool IsExact(int products, Quantization? left, Quantization? right) =>
            left is not { } a || right is not { } b || (long)products * Math.Max(a.StoredZeroPoint, 255 - a.StoredZeroPoint) * Math.Max(b.StoredZeroPoint, 255 - b.StoredZeroPoint) <= 1 << 24;

        private bool Is(Value value, Node reader) => ReferenceEquals(context.Next(value), reader);

        // The MatMul before the softmax, with a factor and a mask between.
        private Node? Scores()
        {
            var reader = softmax;
            var value = softmax.Input(0)!;
            while (value.Producer is { } producer && Is(value, reader))
            {
                if (producer.Op is MatMul)
                {
                    _nodes.Add(producer);
                    return producer;
                }
                if (producer.Op is Mul or Div && ScalarOf(producer, out var data) is { } factor)
                {
                    // A factor after the mask is none of the products alone.
                    if (_mask is null && _nodes.Any(node => node.Op is Add)) return null;
                    _scale *= factor;
                    value = data;
                }
                else if (producer.Op is Add && _mask is null && _scale == 1)
                {
                    var isLeft = Core(producer.Input(0)!);
                    (value, _mask) = isLeft ? (producer.Input(0)!, producer.Input(1)!) : (producer.Input(1)!, producer.Input(0)!);
                }
                else return null;
                if (!context.SameShape(value, softmax.Output)) return null;
                _nodes.Add(producer);
                reader = producer;
            }
            return null;
        }

        // Whether a value is a product, perhaps with a factor.
        private static bool Core(Value value) => value.Producer is { Op: MatMul } || (value.Producer is { Op: Mul or Div } node && (node.Input(0)!.Producer?.Op is MatMul || node.Input(1)!.Producer?.Op is MatMul));

        private static float? ScalarOf(Node node, out Value data)
        {
            var isRight = node.Input(1)!.Constant is not null;
            data = node.Input(isRight ? 0 : 1)!;
            if (node.Input(isRight ? 1 : 0)!.Constant is not Tensor<float> { Length: 1 } constant || (node.Op is Div && !isRight)) return null;
            return node.Op is Div ? 1 / constant.Data[0] : constant.Data[0];
        }

        // The MatMul after the softmax, and how its left operand is quantized.
        private (Node Product, Quantization? Quantization, Value Result)? Weighted()
        {
            var value = softmax.Output;
            Quantization? quantization = null;
            if (context.Next(value) is { Op: QuantizeLinear } quantize)
            {
                if (QdqPatterns.OfQuantize(quantize) is not { } to || context.Next(quantize.Output) is not { Op: DequantizeLinear } dequantize || QdqPatterns.OfDequantize(dequantize) != to) return null;
                quantization = to;
                _nodes.AddRange([quantize, dequantize]);
                value = dequantize.Output;
            }
            if (context.Next(value) is not { Op: MatMul } product || !ReferenceEquals(product.Input(0), value)) return null;
            _nodes.Add(product);
            return (product, quantization, product.Output);
        }

        // The tensor that an operand is a part of, as far back as rows or columns stay dense.
        private Found? Operand(Value value, bool needsRows)
        {
            var chain = new List<(Node Node, Value Result)>();
            for (var at = value; at.Producer is { } producer && IsPassed(producer); at = producer.Input(0)!.Constant is null ? producer.Input(0)! : producer.Input(1)!) chain.Add((producer, at));
            for (var first = chain.Count - 1; first >= -1; first--)
                if (Replay(first < 0 ? value : chain[first].Node.Input(0)!.Constant is null ? chain[first].Node.Input(0)! : chain[first].Node.Input(1)!, chain, first, needsRows) is { } found) return found;
            return null;
        }

        private static bool IsPassed(Node node) => node.Op is Identity or Transpose or Reshape or Flatten or Squeeze or Unsqueeze or Split or Gather or Slice
            || (node.Op is Mul or Div && ScalarOf(node, out _) is not null) || QdqPatterns.OfQuantize(node) is not null || QdqPatterns.OfDequantize(node) is not null;

        // The operand as the nodes up to chain[first] make it of a value; null when they do more than this layer.
        private Found? Replay(Value start, List<(Node Node, Value Result)> chain, int first, bool needsRows)
        {
            if (start.Type.DataType != DataType.Float32 || start.Constant is not null || !context.ShapeOf(start).IsFixedPerImage) return null;
            var view = StridedView.Dense(StridedView.SizesOf(context.ShapeOf(start)));
            var factor = 1f;
            Quantization? open = null, done = null;
            for (var i = first; i >= 0; i--)
            {
                var (node, result) = chain[i];
                if (QdqPatterns.OfQuantize(node) is { } to)
                {
                    if (open is not null || done is not null) return null;
                    open = to;
                }
                else if (QdqPatterns.OfDequantize(node) is { } from)
                {
                    if (open != from) return null;
                    (open, done) = (null, from);
                }
                else if (node.Op is Mul or Div)
                {
                    if (open is not null || done is not null || ScalarOf(node, out var data) is not { } by || !context.SameShape(data, result)) return null;
                    factor *= by;
                }
                else
                {
                    if (view.After(node, result, context.ShapeOf(result)) is not { } next) return null;
                    view = next;
                }
            }
            if (open is not null || view.Strides.Length < 2) return null;
            return view.Strides[^1] == 1 || (!needsRows && view.Strides[^2] == 1) ? new Found(start, view, factor, done) : null;
        }

        // Any of its axes may be 1 or missing.
        private AttentionMatrices? MaskOf(BatchShape scores)
        {
            var mask = context.ShapeOf(_mask!);
            if (_mask!.Type.DataType != DataType.Float32 || mask.Rank > scores.Rank || !mask.IsFixedPerImage) return null;
            var dense = StridedView.Dense(StridedView.SizesOf(mask)).Strides;
            var strides = new long[scores.Rank];
            for (var axis = 0; axis < mask.Rank; axis++)
            {
                var at = axis + scores.Rank - mask.Rank;
                if (mask[axis].IsOne) continue;
                if (mask[axis] != scores[at]) return null;
                strides[at] = dense[axis];
            }
            return strides[^1] == 1 || scores[-1].IsOne ? new AttentionMatrices(0, strides.SkipLast(2).ToValueList(), checked((int)strides[^2]), 1) : null;
        }

        // What follows the second product and only moves it, and its quantization.
        private (AttentionMatrices Matrices, Quantization? Quantization) End(ref Value end, Quantization? weights8)
        {
            var shape = context.ShapeOf(end);
            var plain = StridedView.Dense(StridedView.SizesOf(shape));
            var best = (Matrices(plain), (Quantization?)null);
            var value = end;
            var taken = new List<Node>();
            Quantization? quantization = null;
            if (weights8 is not null && context.Next(value) is { Op: QuantizeLinear } quantize && QdqPatterns.OfQuantize(quantize) is { } to)
            {
                quantization = to;
                taken.Add(quantize);
                value = quantize.Output;
            }
            var strides = plain.Strides;
            if (context.Next(value) is { Op: Transpose transpose } turn && transpose.PermutationOf(shape.Rank) is var permutation && permutation[^1] == shape.Rank - 1 && context.ShapeOf(turn.Output).IsFixedPerImage)
            {
                var dense = StridedView.Dense(StridedView.SizesOf(context.ShapeOf(turn.Output))).Strides;
                strides = new long[shape.Rank];
                for (var i = 0; i < strides.Length; i++) strides[permutation[i]] = dense[i];
                taken.Add(turn);
                value = turn.Output;
            }
            if (quantization is not null && context.Next(value) is { Op: Reshape } reshape && context.ShapeOf(reshape.Output).IsFixedPerImage)
            {
                taken.Add(reshape);
                value = reshape.Output;
            }
            // Stored bytes are dense only where no channel is padded.
            if (quantization is not null && (value.Type.Rank < 3 || context.ShapeOf(value)[-1].Grows || context.ShapeOf(value)[-1].Fixed % 8 != 0)) return best;
            if (quantization is null && taken.Count == 0) return best;
            _nodes.AddRange(taken);
            end = value;
            return (Matrices(new StridedView(0, plain.Sizes, strides)), quantization);
        }
    }
}
