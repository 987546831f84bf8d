using System.Runtime.Intrinsics;

namespace Pith.Kernels.Simd;

/// <summary>
/// Half precision to single precision and back, by integer arithmetic on 8 elements at a time. To half precision it rounds to the nearest, ties to even, with denormal numbers, and beyond 65504 infinity:
/// what the conversions of .NET do, but that a NaN that goes there and back is the same.
/// </summary>
internal static unsafe class HalfConversion
{
    private const int Lanes = 8;

    /// <summary>y[i] = x[i], exact.</summary>
    public static void ToSingle(ushort* x, float* y, nint count)
    {
        nint i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            var bits = Vector256.WidenLower(Vector128.Load(x + i).ToVector256());
            var magnitude = bits & Vector256.Create(0x7fffu);
            // The exponent moves to its place, and from the bias of one format to that of the other; denormal numbers become normal.
            var scaled = Vector256.ShiftLeft(magnitude, 13).AsSingle() * Vector256.Create(0x77800000u).AsSingle();
            var special = Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create(0x7c00)).AsUInt32() & Vector256.Create(0x7f800000u);
            (scaled.AsUInt32() | special | Vector256.ShiftLeft(bits & Vector256.Create(0x8000u), 16)).AsSingle().Store(y + i);
        }
        if (i == count) return;
        var last = stackalloc ushort[Lanes];
        var converted = stackalloc float[Lanes];
        for (var lane = 0; lane < count - i; lane++) last[lane] = x[i + lane];
        ToSingle(last, converted, Lanes);
        for (var lane = 0; lane < count - i; lane++) y[i + lane] = converted[lane];
    }

    /// <summary>y[i] = x[i], rounded.</summary>
    public static void ToHalf(float* x, ushort* y, nint count)
    {
        nint i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            var bits = Vector256.Load(x + i).AsUInt32();
            var magnitude = bits & Vector256.Create(0x7fffffffu);
            // Adding 0.5 leaves the 10 bits of a denormal number, rounded, at the end.
            var small = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0x3f000000u);
            var odd = Vector256.ShiftRightLogical(magnitude, 13) & Vector256<uint>.One;
            var normal = Vector256.ShiftRightLogical(magnitude + Vector256.Create(0xc8000fffu) + odd, 13);
            var result = Vector256.ConditionalSelect(Vector256.LessThan(magnitude.AsInt32(), Vector256.Create(0x38800000)).AsUInt32(), small, normal);
            result = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create(0x47800000)).AsUInt32(), Vector256.Create(0x7c00u), result);
            var isNaN = Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x7f800000)).AsUInt32();
            // A NaN keeps the part of its payload that fits, and stays one without it.
            var payload = Vector256.ShiftRightLogical(magnitude & Vector256.Create(0x7fffffu), 13);
            payload |= Vector256.Equals(payload, Vector256<uint>.Zero) & Vector256.Create(0x200u);
            result |= isNaN & payload | Vector256.ShiftRightLogical(bits & Vector256.Create(0x80000000u), 16);
            Vector256.Narrow(result, result).GetLower().Store(y + i);
        }
        if (i == count) return;
        var last = stackalloc float[Lanes];
        var converted = stackalloc ushort[Lanes];
        for (var lane = 0; lane < count - i; lane++) last[lane] = x[i + lane];
        ToHalf(last, converted, Lanes);
        for (var lane = 0; lane < count - i; lane++) y[i + lane] = converted[lane];
    }
}
