using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>Loops over contiguous elements between floats and stored bytes. The tail that fills no vector is done one by one.</summary>
internal static unsafe class ElementwiseInt8<T> where T : struct, ILanes<T>
{
    /// <summary>round(x / scale) + zero point, stored.</summary>
    public static void Quantize(float* x, byte* q, long count, in Quantizer<T> quantizer, Quantization to)
    {
        // A local, because what is written might be the constants for all the compiler knows.
        var constants = quantizer;
        var whole = count / T.Count * T.Count;
        for (long i = 0; i < whole; i += T.Count) constants.Store(T.Load(x + i), q + i);
        for (var i = whole; i < count; i++) q[i] = Int8Arithmetic.Quantize(x[i], to);
    }

    /// <summary>(q - zero point) * scale.</summary>
    public static void Dequantize(byte* q, float* x, long count, Quantization from)
    {
        var whole = count / T.Count * T.Count;
        var scale = T.Broadcast(from.Scale);
        for (long i = 0; i < whole; i += T.Count) T.Store(x + i, T.FromBytes(q + i, from.StoredZeroPoint) * scale);
        for (var i = whole; i < count; i++) x[i] = Int8Arithmetic.Dequantize(q[i], from);
    }
}
