using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>Looks bytes up in a table of 256. With AVX512-VBMI the table is four registers, of which two instructions look up the lower and the upper half; the byte's sign bit says which counts.</summary>
internal static unsafe class TableInt8
{
    /// <summary>Whether 64 bytes can be looked up at once.</summary>
    public static bool IsVector(CpuFeatures isa) => isa.Include(CpuFeatures.Avx512Vbmi) && Avx512Vbmi.IsSupported;

    /// <summary>output[i] = table[input[i]].</summary>
    public static void Map(byte* input, byte* output, long count, byte* table, bool isVector)
    {
        var done = isVector ? MapVectors(input, output, count, table) : 0;
        for (; done < count; done++) output[done] = table[input[done]];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long MapVectors(byte* input, byte* output, long count, byte* table)
    {
        var (first, second, third, fourth) = (Vector512.Load(table), Vector512.Load(table + 64), Vector512.Load(table + 128), Vector512.Load(table + 192));
        long i = 0;
        for (; i <= count - 64; i += 64) LookUp(Vector512.Load(input + i), first, second, third, fourth).Store(output + i);
        return i;
    }

    /// <summary>64 bytes looked up in a table in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> LookUp(Vector512<byte> values, byte* table) =>
        LookUp(values, Vector512.Load(table), Vector512.Load(table + 64), Vector512.Load(table + 128), Vector512.Load(table + 192));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> LookUp(Vector512<byte> values, Vector512<byte> first, Vector512<byte> second, Vector512<byte> third, Vector512<byte> fourth)
    {
        var lower = Avx512Vbmi.PermuteVar64x8x2(first, values, second);
        var upper = Avx512Vbmi.PermuteVar64x8x2(third, values, fourth);
        return Vector512.ConditionalSelect(Vector512.LessThan(values.AsSByte(), Vector512<sbyte>.Zero).AsByte(), upper, lower);
    }
}
