using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>Loops over contiguous elements between floats and stored bytes. The tail that fills no vector is done one by one.</summary>
internal static unsafe class ElementwiseInt8<T> where T : struct, ILanes<T>
{
    /// <summary>round(x / scale) + zero point, stored.</summary>
    public static void Quantize(float* x, byte* q, long count, Quantization to)
    {
        var whole = count / T.Count * T.Count;
        for (long i = 0; i < whole; i += T.Count) Quantize<T>(T.Load(x + i), q + i, to.Scale, to.StoredZeroPoint);
        for (var i = whole; i < count; i++) Quantize<ScalarLane>(new ScalarLane(x[i]), q + i, to.Scale, to.StoredZeroPoint);
    }

    /// <summary>(q - zero point) * scale.</summary>
    public static void Dequantize(byte* q, float* x, long count, Quantization from)
    {
        var whole = count / T.Count * T.Count;
        for (long i = 0; i < whole; i += T.Count) T.Store(x + i, T.FromBytes(q + i, from.StoredZeroPoint) * T.Broadcast(from.Scale));
        for (var i = whole; i < count; i++) x[i] = Int8Arithmetic.Dequantize(q[i], from);
    }

    /// <summary>activation(left op right), quantized.</summary>
    public static void Binary(BinaryLayer layer, byte* left, byte* right, byte* q, long count)
    {
        var whole = count / T.Count * T.Count;
        for (long i = 0; i < whole; i += T.Count) Binary<T>(layer, left + i, right + i, q + i);
        for (var i = whole; i < count; i++) Binary<ScalarLane>(layer, left + i, right + i, q + i);
    }

    private static void Quantize<TLanes>(TLanes x, byte* q, float scale, int zeroPoint) where TLanes : struct, ILanes<TLanes>
    {
        var value = x / TLanes.Broadcast(scale);
        TLanes.StoreBytes(q, TLanes.AtMost(TLanes.AtLeast(value, TLanes.Broadcast(-zeroPoint)), TLanes.Broadcast(255 - zeroPoint)), zeroPoint);
    }

    private static void Binary<TLanes>(BinaryLayer layer, byte* left, byte* right, byte* q) where TLanes : struct, ILanes<TLanes>
    {
        var (l, r, to) = (layer.LeftQuantization, layer.RightQuantization, layer.OutputQuantization);
        var a = TLanes.FromBytes(left, l.StoredZeroPoint) * TLanes.Broadcast(l.Scale);
        var b = TLanes.FromBytes(right, r.StoredZeroPoint) * TLanes.Broadcast(r.Scale);
        var value = Int8Activation.Apply(layer.Activation.Kind, layer.Kind == BinaryKind.Add ? a + b : a * b, TLanes.Broadcast(layer.Activation.A), TLanes.Broadcast(layer.Activation.B));
        Quantize(value, q, to.Scale, to.StoredZeroPoint);
    }
}
