using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>Sixteen floats of AVX-512.</summary>
internal readonly unsafe struct Lanes512 : ILanes<Lanes512>
{
    private readonly Vector512<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes512(Vector512<float> v) => _v = v;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Lanes512 value) => value._v.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 FromInts(int* source) => new(Avx512F.ConvertToVector512Single(Vector512.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 FromBytes(byte* source, int zeroPoint) =>
        new(Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(source)) - Vector512.Create(zeroPoint)));

    // The conversion rounds to nearest, ties to even.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* destination, Lanes512 value, int zeroPoint) =>
        Avx512F.ConvertToVector128Byte(Avx512F.ConvertToVector512Int32(value._v) + Vector512.Create(zeroPoint)).Store(destination);

    // The zero point is added to all bytes at once: the sum of a negative integer and it is what it would be by itself.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePixels(byte* destination, Lanes512 first, Lanes512 second, Lanes512 third, int zeroPoint) =>
        (Avx512F.ConvertToVector512Int32(first._v) + (Avx512F.ConvertToVector512Int32(second._v) << 8) + (Avx512F.ConvertToVector512Int32(third._v) << 16) + Vector512.Create(zeroPoint * 0x010101)).AsByte().Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 left, Lanes512 right) => new(left._v + right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 left, Lanes512 right) => new(left._v - right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 left, Lanes512 right) => new(left._v * right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 left, Lanes512 right) => new(left._v / right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 DivideQuickly(Lanes512 x, Lanes512 divisor, Lanes512 high, Lanes512 low) => new(Avx512F.FusedMultiplyAdd(x._v, high._v, x._v * low._v));

    // MAXPS and MINPS give their second operand when either is NaN or both are equal.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AtLeast(Lanes512 x, Lanes512 bound) => new(Avx512F.Max(x._v, bound._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AtMost(Lanes512 x, Lanes512 bound) => new(Avx512F.Min(x._v, bound._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 SelectNegative(Lanes512 x, Lanes512 negative, Lanes512 other) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(x._v, Vector512<float>.Zero), negative._v, other._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 x) => new(Avx512F.RoundScale(x._v, 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 PowerOfTwo(Lanes512 n) => new(((Avx512F.ConvertToVector512Int32(n._v) + Vector512.Create(127)) << 23).AsSingle());
}
