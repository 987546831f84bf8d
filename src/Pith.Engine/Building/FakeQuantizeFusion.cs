using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// QuantizeLinear and the DequantizeLinear that undoes it, where both run as written: one layer from float to float without the 8-bit values between. Scales are per tensor or along axis 0,
/// constant or computed; the zero point is constant.
/// </summary>
internal static class FakeQuantizeFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (!context.Literal || node.Op is not QuantizeLinear { BlockSize: 0 } quantize || node.Input(0)!.Type is not { DataType: DataType.Float32 } x || !node.Output.Type.DataType.IsQuantized()) return null;
        if (context.Next(node.Output) is not { Op: DequantizeLinear { BlockSize: 0 } dequantize } next || next.Output.Type.DataType != DataType.Float32) return null;
        if (!ReferenceEquals(node.Input(1), next.Input(1)) || !ReferenceEquals(node.Input(2), next.Input(2)) || ZeroPoint(node.Input(2)) is not { } zero) return null;
        // Scales that are 0, NaN, …: the ops themselves say what comes out.
        if (node.Input(1)!.Constant is { } constant && !(constant is Tensor<float> known && known.Data.All(Quantization.IsExact))) return null;
        var scales = context.ShapeOf(node.Input(1)!);
        if (!scales.IsSingle && (quantize.Axis != 0 || dequantize.Axis != 0 || !scales.IsFixed)) return null;
        var (smallest, largest) = AffineQuantization.RangeOf(node.Output.Type.DataType);
        return new FusedNode
        {
            Nodes = [node, next],
            Inputs = [node.Input(0), node.Input(1)],
            Outputs = [next.Output],
            Layouts = LayoutRule.Agnostic,
            Batch = BatchSupport.AnyAxis,
            Create = parts => new FakeQuantizeLayer
            {
                Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Smallest = (int)smallest - zero, Largest = (int)largest - zero,
            },
        };
    }

    // 0 when there is none; null when it is computed or not the same for all scales.
    private static int? ZeroPoint(Value? value)
    {
        if (value is null) return 0;
        if (value.Constant?.ConvertTo(DataType.Int32) is not Tensor<int> zeros) return null;
        return zeros.Data.All(zero => zero == zeros.Data[0]) ? zeros.Data[0] : null;
    }
}
