using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Products of matrices.</summary>
internal static class MatrixMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("gemm", Gemm),
        new("matmul", MatMul),
        new("matmul with bias", (s, x) => MatMul(s, x) is { } y && y.Type[-1].IsFixed ? s.Add(new Add(), y, s.Weight(new Shape(y.Type[-1].Size))) : null),
        new("constant times matrix", ConstantLeft),
        new("product of two values", Product),
        new("batched constant", BatchedConstant),
    ];

    public static Value? Gemm(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || !NetworkSketch.IsBatched(x)) return null;
        if (x.Type.Rank != 2)
        {
            if (NetworkSketch.Elements(x) > 600) return null;
            x = s.Add(new Flatten(), x);
        }
        var (depth, columns, transB) = (x.Type[1].Size, s.Channels(), s.Chance(0.5));
        if (depth < 1) return null;
        var transA = x.Type[0].IsFixed && s.Chance(0.15);
        if (transA) x = s.Add(new Transpose([1, 0]), x);
        var weight = WeightForms.Any(s, s.Weights(transB ? new Shape(columns, depth) : new Shape(depth, columns), depth), transB ? 0 : 1);
        var op = new Gemm { TransA = transA, TransB = transB, Alpha = Factor(s), Beta = Factor(s) };
        var bias = s.Int(0, 4) switch
        {
            0 => null,
            1 => s.Weight(new Shape()),
            2 => s.Weight(new Shape(1, columns)),
            3 => s.Weight(new Shape(1)),
            _ => s.Weight(new Shape(columns)),
        };
        return bias is null ? s.Add(op, x, weight) : s.Add(op, x, weight, bias);
    }

    private static float Factor(NetworkSketch s) => s.Pick(1f, 1f, 1f, 0.5f, 2f, -1f, 0f);

    private static Value? MatMul(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank < 2 || !x.Type[-1].IsFixed) return null;
        var (depth, columns) = (x.Type[-1].Size, s.Channels(32));
        if (depth < 1 || NetworkSketch.Elements(x) / depth * columns > NetworkSketch.LargestValue) return null;
        return s.Chance(0.1) ? s.Add(new MatMul(), x, s.Weight(new Shape(depth), depth)) : s.Add(new MatMul(), x, WeightForms.Any(s, s.Weights(new Shape(depth, columns), depth), axis: 1));
    }

    private static Value? ConstantLeft(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank < 3 || !NetworkSketch.IsBatched(x)) return null;
        var (depth, rows) = (x.Type[-2].Size, s.Channels(16));
        return NetworkSketch.Elements(x) / depth * rows > NetworkSketch.LargestValue ? null : s.Add(new MatMul(), WeightForms.Any(s, s.Weights(new Shape(rows, depth), depth)), x);
    }

    // x times a transposed, transformed x.
    private static Value? Product(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank < 3 || !NetworkSketch.IsBatched(x)) return null;
        var (rows, rank) = (x.Type[-2].Size, x.Type.Rank);
        if (NetworkSketch.Elements(x) / x.Type[-1].Size * rows > NetworkSketch.LargestValue) return null;
        var other = s.Add(ElementwiseMotifs.Activation(s), x);
        return s.Add(new MatMul(), x, s.Add(new Transpose([.. Enumerable.Range(0, rank - 2), rank - 1, rank - 2]), other));
    }

    private static Value? BatchedConstant(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank < 3 || !NetworkSketch.IsBatched(x)) return null;
        var (depth, columns) = (x.Type[-1].Size, s.Channels(16));
        if (NetworkSketch.Elements(x) / depth * columns > NetworkSketch.LargestValue) return null;
        var leading = x.Type.Dims.Skip(1).SkipLast(2).Select(dim => s.Chance(0.7) ? dim.Size : 1);
        return s.Add(new MatMul(), x, s.Weight(new Shape([.. leading, depth, columns]), depth));
    }
}
