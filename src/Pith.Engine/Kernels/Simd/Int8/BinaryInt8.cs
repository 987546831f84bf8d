using System.Runtime.CompilerServices;
using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>activation(left op right) of stored bytes, quantized: the constants of a layer, ready for vectors.</summary>
internal readonly unsafe struct BinaryInt8<T> where T : struct, ILanes<T>
{
    private readonly BinaryLayer _layer;
    private readonly Quantizer<T> _quantizer;
    private readonly T _leftScale;
    private readonly T _rightScale;
    private readonly T _a;
    private readonly T _b;
    private readonly int _leftZero;
    private readonly int _rightZero;
    private readonly ActivationKind _activation;

    public BinaryInt8(BinaryLayer layer)
    {
        _layer = layer;
        _quantizer = new Quantizer<T>(layer.OutputQuantization);
        (_leftScale, _rightScale) = (T.Broadcast(layer.LeftQuantization.Scale), T.Broadcast(layer.RightQuantization.Scale));
        (_a, _b) = (T.Broadcast(layer.Activation.A), T.Broadcast(layer.Activation.B));
        (_leftZero, _rightZero) = (layer.LeftQuantization.StoredZeroPoint, layer.RightQuantization.StoredZeroPoint);
        _activation = layer.Activation.Kind;
    }

    /// <summary>Element by element.</summary>
    public void Flat(byte* left, byte* right, byte* q, long count)
    {
        if (_layer.Kind == BinaryKind.Add) Pixels<Sum>(left, right, q, 1, count);
        else Pixels<Product>(left, right, q, 1, count);
    }

    /// <summary>Some pixels of <paramref name="pixelBytes"/> bytes with one that they share.</summary>
    public void Shared(byte* left, byte* right, byte* q, int pixels, int pixelBytes)
    {
        if (_layer.Kind == BinaryKind.Add) Pixels<Sum>(left, right, q, pixels, pixelBytes);
        else Pixels<Product>(left, right, q, pixels, pixelBytes);
    }

    private void Pixels<TOp>(byte* left, byte* right, byte* q, long pixels, long bytes) where TOp : struct, IOp
    {
        // A local, because what is written might be the constants for all the compiler knows.
        var c = this;
        var whole = bytes / T.Count * T.Count;
        for (long i = 0; i < whole; i += T.Count)
        {
            var r = T.FromBytes(right + i, c._rightZero) * c._rightScale;
            if (pixels == 1)
            {
                c.Store<TOp>(left + i, r, q + i);
                continue;
            }
            // The shared operand stays in a register while all pixels pass.
            for (long p = 0; p < pixels; p++) c.Store<TOp>(left + p * bytes + i, r, q + p * bytes + i);
        }
        for (long p = 0; p < pixels && whole < bytes; p++)
            for (var i = whole; i < bytes; i++) q[p * bytes + i] = One(left[p * bytes + i], right[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store<TOp>(byte* left, T right, byte* q) where TOp : struct, IOp =>
        _quantizer.Store(Int8Activation.Apply(_activation, TOp.Of(T.FromBytes(left, _leftZero) * _leftScale, right), _a, _b), q);

    private byte One(byte left, byte right)
    {
        var (l, r) = (Int8Arithmetic.Dequantize(left, _layer.LeftQuantization), Int8Arithmetic.Dequantize(right, _layer.RightQuantization));
        return Int8Arithmetic.Quantize(Int8Activation.Apply(_layer.Activation, _layer.Kind == BinaryKind.Add ? l + r : l * r), _layer.OutputQuantization);
    }

    private interface IOp
    {
        static abstract T Of(T left, T right);
    }

    private readonly struct Sum : IOp
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of(T left, T right) => left + right;
    }

    private readonly struct Product : IOp
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of(T left, T right) => left * right;
    }
}
