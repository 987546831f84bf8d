using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>Eight floats of AVX2.</summary>
internal readonly unsafe struct Lanes256 : ILanes<Lanes256>
{
    private readonly Vector256<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes256(Vector256<float> v) => _v = v;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Lanes256 value) => value._v.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 FromInts(int* source) => new(Avx.ConvertToVector256Single(Vector256.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 FromBytes(byte* source, int zeroPoint) =>
        new(Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(source) - Vector256.Create(zeroPoint)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* destination, Lanes256 value, int zeroPoint)
    {
        // The conversion rounds to nearest, ties to even.
        var q = Avx.ConvertToVector256Int32(value._v) + Vector256.Create(zeroPoint);
        var words = Sse2.PackSignedSaturate(q.GetLower(), q.GetUpper());
        *(ulong*)destination = Sse2.PackUnsignedSaturate(words, words).AsUInt64().ToScalar();
    }

    // The zero point is added to all bytes at once: the sum of a negative integer and it is what it would be by itself.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePixels(byte* destination, Lanes256 first, Lanes256 second, Lanes256 third, int zeroPoint) =>
        (Avx.ConvertToVector256Int32(first._v) + (Avx.ConvertToVector256Int32(second._v) << 8) + (Avx.ConvertToVector256Int32(third._v) << 16) + Vector256.Create(zeroPoint * 0x010101)).AsByte().Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 left, Lanes256 right) => new(left._v + right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 left, Lanes256 right) => new(left._v - right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 left, Lanes256 right) => new(left._v * right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 left, Lanes256 right) => new(left._v / right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 DivideQuickly(Lanes256 x, Lanes256 divisor, Lanes256 high, Lanes256 low) => new(Fma.MultiplyAdd(x._v, high._v, x._v * low._v));

    // MAXPS and MINPS give their second operand when either is NaN or both are equal.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AtLeast(Lanes256 x, Lanes256 bound) => new(Avx.Max(x._v, bound._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AtMost(Lanes256 x, Lanes256 bound) => new(Avx.Min(x._v, bound._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 SelectNegative(Lanes256 x, Lanes256 negative, Lanes256 other) =>
        new(Avx.BlendVariable(other._v, negative._v, Avx.CompareLessThan(x._v, Vector256<float>.Zero)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 x) => new(Avx.RoundToNearestInteger(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 PowerOfTwo(Lanes256 n) => new(((Avx.ConvertToVector256Int32(n._v) + Vector256.Create(127)) << 23).AsSingle());
}
