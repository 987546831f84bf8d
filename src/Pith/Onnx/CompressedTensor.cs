using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pith.Onnx;

/// <summary>
/// Tensors of which at most two of each four elements along an axis are not zero, as bytes: these two elements of each four, then two bits for the place of each, fours in storage order, two fours to a byte. For elements
/// of one byte that is 62.5% of the tensor, for floats 53%. Expanding gives every bit back; a negative zero counts as an element that is not zero.
/// </summary>
internal static class CompressedTensor
{
    /// <summary>The first axis along which a tensor can be compressed; null when there is none.</summary>
    public static int? AxisOf(Tensor tensor)
    {
        if (tensor.Length == 0 || tensor.DataType.IsPacked()) return null;
        for (var axis = 0; axis < tensor.Shape.Rank; axis++)
        {
            var layout = new WeightAxes(ReductionLayout.Of(tensor.Shape, axis));
            var isSparse = tensor.DataType.SizeInBytes() switch
            {
                1 => Is24<byte>(tensor, layout),
                2 => Is24<ushort>(tensor, layout),
                4 => Is24<uint>(tensor, layout),
                8 => Is24<ulong>(tensor, layout),
                _ => false,
            };
            if (isSparse) return axis;
        }
        return null;
    }

    /// <summary>The bytes of a compressed tensor; null when no tensor of this type and shape can be compressed along the axis.</summary>
    public static long? Bytes(DataType type, Shape shape, long axis)
    {
        if (axis < 0 || axis >= shape.Rank || shape[(int)axis] % 4 != 0 || type.IsPacked()) return null;
        var quads = ReductionLayout.Of(shape, (int)axis).QuadCount;
        return 2L * quads * type.SizeInBytes() + PlacesBytes(quads);
    }

    /// <summary>Compresses a tensor along an axis that <see cref="AxisOf"/> gave.</summary>
    public static Tensor<byte> Compress(Tensor tensor, int axis)
    {
        var compressed = new byte[Bytes(tensor.DataType, tensor.Shape, axis)!.Value];
        var layout = ReductionLayout.Of(tensor.Shape, axis);
        switch (tensor.DataType.SizeInBytes())
        {
            case 1: Compress<byte>(tensor.Bytes, compressed, layout); break;
            case 2: Compress<ushort>(tensor.Bytes, compressed, layout); break;
            case 4: Compress<uint>(tensor.Bytes, compressed, layout); break;
            default: Compress<ulong>(tensor.Bytes, compressed, layout); break;
        }
        return Tensor.Vector(compressed);
    }

    /// <summary>Fills a tensor of zeros with what <see cref="Compress(Tensor, int)"/> made of it.</summary>
    /// <returns>Whether the places are such as it writes.</returns>
    public static bool TryExpand(ReadOnlySpan<byte> compressed, Tensor tensor, int axis)
    {
        var layout = ReductionLayout.Of(tensor.Shape, axis);
        return tensor.DataType.SizeInBytes() switch
        {
            1 => TryExpand<byte>(compressed, tensor.Bytes, layout),
            2 => TryExpand<ushort>(compressed, tensor.Bytes, layout),
            4 => TryExpand<uint>(compressed, tensor.Bytes, layout),
            _ => TryExpand<ulong>(compressed, tensor.Bytes, layout),
        };
    }

    private static int PlacesBytes(int quads) => quads / 2 + quads % 2;

    private static bool Is24<T>(Tensor tensor, WeightAxes layout) where T : struct, INumberBase<T> => SparsityPattern.Of<T>(MemoryMarshal.Cast<byte, T>(tensor.Bytes), layout) is not null;

    private static void Compress<T>(ReadOnlySpan<byte> tensor, Span<byte> compressed, ReductionLayout layout) where T : unmanaged, INumberBase<T>
    {
        var from = MemoryMarshal.Cast<byte, T>(tensor);
        var (quads, inner) = (layout.QuadCount, layout.Inner);
        var places = compressed[^PlacesBytes(quads)..];
        var kept = MemoryMarshal.Cast<byte, T>(compressed[..^places.Length]);
        for (var quad = 0; quad < quads; quad++)
        {
            var four = from.Slice(layout.QuadOffset(quad), 3 * inner + 1);
            var nonZeros = 0;
            for (var i = 0; i < 4; i++) nonZeros |= T.IsZero(four[i * inner]) ? 0 : 1 << i;
            var two = Quad24.PlacesOf(nonZeros);
            (kept[2 * quad], kept[2 * quad + 1]) = (four[(two & 3) * inner], four[(two >> 2) * inner]);
            places[quad / 2] |= (byte)(two << quad % 2 * 4);
        }
    }

    // Runs once in a process that somebody waits for: compiled well at once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryExpand<T>(ReadOnlySpan<byte> compressed, Span<byte> tensor, ReductionLayout layout) where T : unmanaged
    {
        var to = MemoryMarshal.Cast<byte, T>(tensor);
        var (quads, inner) = (layout.QuadCount, layout.Inner);
        var places = compressed[^PlacesBytes(quads)..];
        var kept = MemoryMarshal.Cast<byte, T>(compressed[..^places.Length]);
        for (var (quad, block) = (0, 0); quad < quads; block += 4 * inner)
        {
            var four = to.Slice(block, 4 * inner);
            for (var i = 0; i < inner; i++, quad++)
            {
                var two = places[quad / 2] >> quad % 2 * 4 & 15;
                if (!Quad24.AreValid(two)) return false;
                four[(two & 3) * inner + i] = kept[2 * quad];
                four[(two >> 2) * inner + i] = kept[2 * quad + 1];
            }
        }
        return quads % 2 == 0 || places[^1] >> 4 == 0;
    }
}
