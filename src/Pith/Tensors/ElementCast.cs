using System.Runtime.CompilerServices;

namespace Pith;

/// <summary>Conversion of one element between any two tensor types, as ONNX Cast defines it.</summary>
internal static class ElementCast
{
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
        return FromInteger<TTo>((long)Unsafe.BitCast<TFrom, ulong>(value));
    }

    private static TTo FromReal<TTo>(double value) where TTo : unmanaged
    {
        if (typeof(TTo) == typeof(float)) return Unsafe.BitCast<float, TTo>((float)value);
        if (typeof(TTo) == typeof(double)) return Unsafe.BitCast<double, TTo>(value);
        if (typeof(TTo) == typeof(Half)) return Unsafe.BitCast<Half, TTo>((Half)value);
        if (typeof(TTo) == typeof(bool)) return Unsafe.BitCast<bool, TTo>(value != 0);
        return FromInteger<TTo>((long)value);
    }

    private static TTo FromInteger<TTo>(long value) where TTo : unmanaged
    {
        if (typeof(TTo) == typeof(float)) return Unsafe.BitCast<float, TTo>(value);
        if (typeof(TTo) == typeof(double)) return Unsafe.BitCast<double, TTo>(value);
        if (typeof(TTo) == typeof(Half)) return Unsafe.BitCast<Half, TTo>((Half)value);
        if (typeof(TTo) == typeof(bool)) return Unsafe.BitCast<bool, TTo>(value != 0);
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
