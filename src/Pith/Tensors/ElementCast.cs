using System.Runtime.CompilerServices;

namespace Pith;

/// <summary>Conversion of one element between any two tensor types, as ONNX Cast defines it.</summary>
internal static class ElementCast
{
    private const double TwoTo31 = 2147483648;
    private const double TwoTo63 = 9223372036854775808;

    public static TTo Convert<TFrom, TTo>(TFrom value) where TFrom : unmanaged where TTo : unmanaged
    {
        if (typeof(TFrom) == typeof(bool)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, bool>(value) ? 1L : 0L);
        if (typeof(TFrom) == typeof(float)) return FromReal<TTo>(Unsafe.BitCast<TFrom, float>(value));
        if (typeof(TFrom) == typeof(double)) return FromReal<TTo>(Unsafe.BitCast<TFrom, double>(value));
        if (typeof(TFrom) == typeof(Half)) return FromReal<TTo>((double)Unsafe.BitCast<TFrom, Half>(value));
        if (typeof(TFrom) == typeof(byte)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, byte>(value));
        if (typeof(TFrom) == typeof(sbyte)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, sbyte>(value));
        if (typeof(TFrom) == typeof(ushort)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, ushort>(value));
        if (typeof(TFrom) == typeof(short)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, short>(value));
        if (typeof(TFrom) == typeof(uint)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, uint>(value));
        if (typeof(TFrom) == typeof(int)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, int>(value));
        if (typeof(TFrom) == typeof(long)) return FromInteger<TTo>(Unsafe.BitCast<TFrom, long>(value));
        if (typeof(TFrom) == typeof(BFloat16)) return FromReal<TTo>((float)Unsafe.BitCast<TFrom, BFloat16>(value));
        if (typeof(TFrom) == typeof(Float8E4M3)) return FromReal<TTo>((float)Unsafe.BitCast<TFrom, Float8E4M3>(value));
        if (typeof(TFrom) == typeof(Float8E5M2)) return FromReal<TTo>((float)Unsafe.BitCast<TFrom, Float8E5M2>(value));
        if (typeof(TFrom) == typeof(UInt4)) return FromInteger<TTo>((int)Unsafe.BitCast<TFrom, UInt4>(value));
        if (typeof(TFrom) == typeof(Int4)) return FromInteger<TTo>((int)Unsafe.BitCast<TFrom, Int4>(value));
        return FromUnsigned<TTo>(Unsafe.BitCast<TFrom, ulong>(value));
    }

    // As the other integers, except where the sign of 64 bits matters.
    private static TTo FromUnsigned<TTo>(ulong value) where TTo : unmanaged
    {
        if (typeof(TTo) == typeof(float)) return Unsafe.BitCast<float, TTo>(value);
        if (typeof(TTo) == typeof(double)) return Unsafe.BitCast<double, TTo>(value);
        if (typeof(TTo) == typeof(Half)) return Unsafe.BitCast<Half, TTo>((Half)value);
        if (typeof(TTo) == typeof(BFloat16) || typeof(TTo) == typeof(Float8E4M3) || typeof(TTo) == typeof(Float8E5M2)) return FromReal<TTo>((float)value);
        return FromInteger<TTo>(unchecked((long)value));
    }

    private static TTo FromReal<TTo>(double value) where TTo : unmanaged
    {
        if (typeof(TTo) == typeof(float)) return Unsafe.BitCast<float, TTo>((float)value);
        if (typeof(TTo) == typeof(double)) return Unsafe.BitCast<double, TTo>(value);
        if (typeof(TTo) == typeof(Half)) return Unsafe.BitCast<Half, TTo>((Half)value);
        if (typeof(TTo) == typeof(bool)) return Unsafe.BitCast<bool, TTo>(value != 0);
        if (typeof(TTo) == typeof(BFloat16)) return Unsafe.BitCast<BFloat16, TTo>((BFloat16)(float)value);
        if (typeof(TTo) == typeof(Float8E4M3)) return Unsafe.BitCast<Float8E4M3, TTo>((Float8E4M3)(float)value);
        if (typeof(TTo) == typeof(Float8E5M2)) return Unsafe.BitCast<Float8E5M2, TTo>((Float8E5M2)(float)value);
        if (typeof(TTo) == typeof(long)) return Unsafe.BitCast<long, TTo>(ToInt64(value));
        if (typeof(TTo) == typeof(ulong)) return Unsafe.BitCast<ulong, TTo>(value >= TwoTo63 ? unchecked((ulong)ToInt64(value - TwoTo63)) ^ (1UL << 63) : unchecked((ulong)ToInt64(value)));
        if (typeof(TTo) == typeof(uint)) return Unsafe.BitCast<uint, TTo>(value >= TwoTo31 ? unchecked((uint)ToInt32(value - TwoTo31)) ^ (1U << 31) : unchecked((uint)ToInt32(value)));
        return FromInteger<TTo>(ToInt32(value));
    }

    // ONNX leaves open what NaN and numbers beyond an integer type become. These are the results of x86's conversions, which other runtimes give on most machines: the smallest integer of 32 or 64 bits, of which narrower
    // types take the low bits. Written out, so that they do not depend on the machine.
    private static int ToInt32(double value) => value > -TwoTo31 - 1 && value < TwoTo31 ? (int)value : int.MinValue;

    private static long ToInt64(double value) => value >= -TwoTo63 && value < TwoTo63 ? (long)value : long.MinValue;

    private static TTo FromInteger<TTo>(long value) where TTo : unmanaged
    {
        if (typeof(TTo) == typeof(float)) return Unsafe.BitCast<float, TTo>(value);
        if (typeof(TTo) == typeof(double)) return Unsafe.BitCast<double, TTo>(value);
        if (typeof(TTo) == typeof(Half)) return Unsafe.BitCast<Half, TTo>((Half)value);
        if (typeof(TTo) == typeof(bool)) return Unsafe.BitCast<bool, TTo>(value != 0);
        if (typeof(TTo) == typeof(BFloat16) || typeof(TTo) == typeof(Float8E4M3) || typeof(TTo) == typeof(Float8E5M2)) return FromReal<TTo>((float)value);
        if (typeof(TTo) == typeof(UInt4)) return Unsafe.BitCast<UInt4, TTo>((UInt4)unchecked((int)value));
        if (typeof(TTo) == typeof(Int4)) return Unsafe.BitCast<Int4, TTo>((Int4)unchecked((int)value));
        if (typeof(TTo) == typeof(byte)) return Unsafe.BitCast<byte, TTo>(unchecked((byte)value));
        if (typeof(TTo) == typeof(sbyte)) return Unsafe.BitCast<sbyte, TTo>(unchecked((sbyte)value));
        if (typeof(TTo) == typeof(ushort)) return Unsafe.BitCast<ushort, TTo>(unchecked((ushort)value));
        if (typeof(TTo) == typeof(short)) return Unsafe.BitCast<short, TTo>(unchecked((short)value));
        if (typeof(TTo) == typeof(uint)) return Unsafe.BitCast<uint, TTo>(unchecked((uint)value));
        if (typeof(TTo) == typeof(int)) return Unsafe.BitCast<int, TTo>(unchecked((int)value));
        if (typeof(TTo) == typeof(long)) return Unsafe.BitCast<long, TTo>(value);
        return Unsafe.BitCast<ulong, TTo>(unchecked((ulong)value));
    }
}
