using System.Runtime.Intrinsics;

namespace Pith.Kernels.Simd;

/// <summary>
/// Half precision to single precision and back, by integer arithmetic on 8 elements at a time. To half precision it rounds to the nearest, ties to even, with denormal numbers, and beyond 65504 infinity:
/// what the conversions of .NET do, bit for bit but for the payload of NaN.
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
        for (; i < count; i++) y[i] = (float)BitConverter.UInt16BitsToHalf(x[i]);
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
            result |= isNaN & Vector256.Create(0x7e00u) | Vector256.ShiftRightLogical(bits & Vector256.Create(0x80000000u), 16);
            Vector256.Narrow(result, result).GetLower().Store(y + i);
        }
        for (; i < count; i++) y[i] = BitConverter.HalfToUInt16Bits((Half)x[i]);
    }
}
