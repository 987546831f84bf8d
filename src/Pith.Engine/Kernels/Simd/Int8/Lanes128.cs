using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pith.Kernels.Int8;

/// <summary>Four floats on any CPU with 128-bit vectors.</summary>
internal readonly unsafe struct Lanes128 : ILanes<Lanes128>
{
    private readonly Vector128<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes128(Vector128<float> v) => _v = v;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Lanes128 value) => value._v.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 FromInts(int* source) => new(Vector128.ConvertToSingle(Vector128.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 FromBytes(byte* source, int zeroPoint)
    {
        var words = Vector128.WidenLower(Vector128.CreateScalar(*(uint*)source).AsByte());
        return new(Vector128.ConvertToSingle(Vector128.WidenLower(words).AsInt32() - Vector128.Create(zeroPoint)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* destination, Lanes128 value, int zeroPoint)
    {
        var q = Vector128.ConvertToInt32(Vector128.Round(value._v)) + Vector128.Create(zeroPoint);
        var words = Vector128.Narrow(q, q);
        *(uint*)destination = Vector128.Narrow(words, words).AsUInt32().ToScalar();
    }

    // The zero point is added to all bytes at once: the sum of a negative integer and it is what it would be by itself.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePixels(byte* destination, Lanes128 first, Lanes128 second, Lanes128 third, int zeroPoint) =>
        (Vector128.ConvertToInt32(Vector128.Round(first._v)) + (Vector128.ConvertToInt32(Vector128.Round(second._v)) << 8) + (Vector128.ConvertToInt32(Vector128.Round(third._v)) << 16) + Vector128.Create(zeroPoint * 0x010101)).AsByte().Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 left, Lanes128 right) => new(left._v + right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 left, Lanes128 right) => new(left._v - right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 left, Lanes128 right) => new(left._v * right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 left, Lanes128 right) => new(left._v / right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 DivideQuickly(Lanes128 x, Lanes128 divisor, Lanes128 high, Lanes128 low) => x / divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AtLeast(Lanes128 x, Lanes128 bound) => new(Vector128.ConditionalSelect(Vector128.GreaterThan(x._v, bound._v), x._v, bound._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AtMost(Lanes128 x, Lanes128 bound) => new(Vector128.ConditionalSelect(Vector128.LessThan(x._v, bound._v), x._v, bound._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 SelectNegative(Lanes128 x, Lanes128 negative, Lanes128 other) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(x._v, Vector128<float>.Zero), negative._v, other._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Round(Lanes128 x) => new(Vector128.Round(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 PowerOfTwo(Lanes128 n) => new(((Vector128.ConvertToInt32(n._v) + Vector128.Create(127)) << 23).AsSingle());
}
