using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>A Conv, Gemm or MatMul node that the engine has layers for, with its operands in one form.</summary>
internal sealed class Contraction
{
    private bool _isLiteral;
    private (Value Quantized, Quantization Quantization, Tensor<sbyte> Weights, float[] Scales)? _int8;

    public required Node Node { get; init; }

    public required Value Input { get; init; }

    public required Value Weight { get; init; }

    public Value? Bias { get; init; }

    public required Window Window { get; init; }

    public int Groups { get; init; } = 1;

    public bool TransposedWeights { get; init; }

    public bool IsConv => Node.Op is Conv;

    public bool IsInt8 => _int8 is not null;

    /// <summary>True when the operands are quantized, but sums of their products could leave the 32 bits of an accumulator. Sums of floats would not be exact either.</summary>
    public bool SumsAreTooLong { get; private set; }

    /// <summary>The quantized operands of a contraction that <see cref="IsInt8"/>; weights as [K, C/groups, R, S].</summary>
    public (Value Quantized, Quantization Quantization, Tensor<sbyte> Weights, float[] Scales) Int8 => _int8!.Value;

    /// <summary>The contraction, or null when the node is none or one of a form without layers: not two-dimensional, scaled, with a transposed left-hand side, or with weights that grow with the batch.</summary>
    public static Contraction? Of(Node node, FusionContext context)
    {
        var found = node.Op switch
        {
            Conv conv => OfConv(node, conv, context),
            Gemm gemm => OfGemm(node, gemm, context),
            MatMul => OfMatMul(node, context),
            _ => null,
        };
        if (found is null) return null;
        found._isLiteral = context.Literal;
        if (!context.Literal) found._int8 = found.MatchInt8();
        return found;
    }

    private static Contraction? OfConv(Node node, Conv conv, FusionContext context)
    {
        var (x, w) = (node.Input(0)!, node.Input(1)!);
        if (x.Type.Rank != 4 || x.Type.DataType != DataType.Float32 || w.Type.DataType != DataType.Float32) return null;
        var (input, kernel) = (context.ShapeOf(x), context.ShapeOf(w));
        if (!input.IsFixedPerImage || !kernel.IsFixed) return null;
        var axes = conv.Window.Resolve(input.FixedFrom(2), kernel.FixedFrom(2));
        return new Contraction { Node = node, Input = x, Weight = w, Bias = node.Input(2), Window = Windows.Of(axes), Groups = conv.Groups };
    }

    private static Contraction? OfGemm(Node node, Gemm gemm, FusionContext context)
    {
        if (gemm.TransA || gemm.Alpha != 1 || gemm.Beta != 1 || node.Output.Type.DataType != DataType.Float32) return null;
        var bias = node.Input(2);
        if (!context.ShapeOf(node.Input(1)!).IsFixed) return null;
        if (bias is not null && (bias.Type.Rank != 1 || context.ShapeOf(bias)[0] != context.ShapeOf(node.Output)[1])) return null;
        return new Contraction { Node = node, Input = node.Input(0)!, Weight = node.Input(1)!, Bias = bias, Window = Window.Point, TransposedWeights = gemm.TransB };
    }

    private static Contraction? OfMatMul(Node node, FusionContext context)
    {
        var (x, w) = (node.Input(0)!, node.Input(1)!);
        return x.Type.Rank >= 2 && w.Type.Rank == 2 && x.Type.DataType == DataType.Float32 && context.ShapeOf(w).IsFixed ? new Contraction { Node = node, Input = x, Weight = w, Window = Window.Point } : null;
    }

    private (Value, Quantization, Tensor<sbyte>, float[])? MatchInt8()
    {
        if (IsConv ? Input.Type.Rank != 4 : Input.Type.Rank < 2) return null;
        if (!QdqPatterns.IsDequantized(Input, out var q, out var quantization)) return null;
        if (QdqPatterns.Weights(Weight, IsConv || TransposedWeights ? 0 : 1, quantization.Scale) is not var (weights, scales)) return null;
        // A bias that is computed at run time has no place in the integer epilogue.
        if (Bias is not null && QdqPatterns.Constant(Bias) is not Tensor<float>) return null;
        var kernels = IsConv ? weights : AsPointKernels(weights);
        SumsAreTooLong = !SumsFit(quantization, kernels, start: 0);
        return SumsAreTooLong ? null : (q, quantization, kernels, scales);
    }

    private Tensor<sbyte> AsPointKernels(Tensor<sbyte> weights)
    {
        var rows = TransposedWeights ? weights : new Transpose([1, 0]).Evaluate([weights], 1)[0].As<sbyte>();
        return rows.Reshape(new Shape(rows.Shape[0], rows.Shape[1], 1, 1));
    }

    /// <summary>Whether a constant of this shape, added to the result, has one element per output channel.</summary>
    public bool IsPerChannel(Shape shape)
    {
        var axis = IsConv ? 1 : Node.Output.Type.Rank - 1;
        var channels = Node.Output.Type[axis];
        if (!channels.IsFixed || shape.Length != channels.Size) return false;
        var position = axis - Node.Output.Type.Rank + shape.Rank;
        return position >= 0 && shape[position] == channels.Size;
    }

    /// <summary>Whether every sum fits 32 bits when it starts from these integers.</summary>
    public bool FitsWithBias(int[] bias) => bias.Length == 0 || SumsFit(Int8.Quantization, Int8.Weights, bias.Max(b => Math.Abs((long)b)));

    // What lies between may wrap: the arithmetic is modulo 2^32, and only the finished sum has to fit. Few layers are so long that their weights have to be looked at.
    private static bool SumsFit(Quantization data, Tensor<sbyte> kernels, long start)
    {
        var products = kernels.Shape.LengthOf(1, 4);
        var largestData = Math.Max(data.StoredZeroPoint, 255 - data.StoredZeroPoint);
        return start - (long)products * sbyte.MinValue * largestData <= int.MaxValue || start + LargestMagnitudes(kernels, products) * largestData <= int.MaxValue;
    }

    private static long LargestMagnitudes(Tensor<sbyte> kernels, int products)
    {
        var largest = 0L;
        for (var start = 0; start < kernels.Length; start += products)
        {
            var magnitudes = 0L;
            foreach (var weight in kernels.Data.AsSpan(start, products)) magnitudes += Math.Abs((int)weight);
            largest = Math.Max(largest, magnitudes);
        }
        return largest;
    }

    /// <summary>The layer; <paramref name="int8"/> is null for float.</summary>
    public ContractionLayer Layer(LayerParts parts, Activation activation, Int8Contraction? int8, bool allowsBf16) => new()
    {
        Name = parts.Name,
        Nodes = parts.Nodes,
        Inputs = parts.Inputs,
        Outputs = parts.Outputs,
        Macs = parts.Macs,
        Op = Node.Op,
        Window = Window,
        Groups = Groups,
        TransposedWeights = TransposedWeights,
        Activation = activation,
        Int8 = int8,
        AllowsBf16 = allowsBf16,
        IsLiteral = _isLiteral,
    };
}
