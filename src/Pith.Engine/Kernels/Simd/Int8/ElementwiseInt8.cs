using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>Loops over contiguous elements between floats and stored bytes. The last vector begins earlier when they fill no whole number of vectors; fewer than a vector are done one by one.</summary>
internal static unsafe class ElementwiseInt8<T> where T : struct, ILanes<T>
{
    /// <summary>round(x / scale) + zero point, stored.</summary>
    public static void Quantize(float* x, byte* q, long count, in Quantizer<T> quantizer, Quantization to)
    {
        // A local, because what is written might be the constants for all the compiler knows.
        var constants = quantizer;
        var last = count - T.Count;
        for (long i = 0; i < last; i += T.Count) constants.Store(T.Load(x + i), q + i);
        if (last >= 0) constants.Store(T.Load(x + last), q + last);
        else for (long i = 0; i < count; i++) q[i] = Int8Arithmetic.Quantize(x[i], to);
    }

    /// <summary>(q - zero point) * scale.</summary>
    public static void Dequantize(byte* q, float* x, long count, Quantization from)
    {
        var last = count - T.Count;
        var scale = T.Broadcast(from.Scale);
        for (long i = 0; i < last; i += T.Count) T.Store(x + i, T.FromBytes(q + i, from.StoredZeroPoint) * scale);
        if (last >= 0) T.Store(x + last, T.FromBytes(q + last, from.StoredZeroPoint) * scale);
        else for (long i = 0; i < count; i++) x[i] = Int8Arithmetic.Dequantize(q[i], from);
    }
}
