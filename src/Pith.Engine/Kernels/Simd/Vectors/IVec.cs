namespace Pith.Kernels.Simd;

/// <summary>
/// A vector of <see cref="Count"/> floats. Kernels are written once over <typeparamref name="V"/> and compiled by the JIT for each width,
/// with every member below inlined to one or two instructions.
/// </summary>
/// <typeparam name="V">The implementing vector type itself.</typeparam>
internal unsafe interface IVec<V> where V : struct, IVec<V>
{
    /// <summary>Number of float lanes.</summary>
    static abstract int Count { get; }

    /// <summary>Rows of a two-vector-wide accumulator tile that fit the register file beside two operands and one broadcast.</summary>
    static abstract int MaxTileRows { get; }

    /// <summary>Rows of a one-vector-wide accumulator tile that fit the register file beside three operands and one broadcast.</summary>
    static abstract int MaxSlidingRows { get; }

    /// <summary>All lanes zero.</summary>
    static abstract V Zero { get; }

    /// <summary>Reads <see cref="Count"/> floats; no alignment needed.</summary>
    static abstract V Load(float* source);

    /// <summary>Reads <paramref name="count"/> floats (1 to <see cref="Count"/>) and not one byte more; the other lanes are zero.</summary>
    static abstract V LoadPartial(float* source, int count);

    /// <summary>Writes <see cref="Count"/> floats; no alignment needed.</summary>
    static abstract void Store(float* destination, V value);

    /// <summary>Writes <see cref="Count"/> floats with a non-temporal store, to an address that is a multiple of the vector's size; other threads see them after a <see cref="CacheLines.Fence"/>.</summary>
    static abstract void Stream(float* destination, V value);

    /// <summary>Writes the first <paramref name="count"/> lanes (1 to <see cref="Count"/>) and not one byte more.</summary>
    static abstract void StorePartial(float* destination, int count, V value);

    /// <summary>All lanes <paramref name="value"/>.</summary>
    static abstract V Broadcast(float value);

    static abstract V operator +(V left, V right);
    static abstract V operator -(V left, V right);
    static abstract V operator *(V left, V right);
    static abstract V operator /(V left, V right);

    /// <summary><c>a * b + c</c>, rounded once where the CPU has FMA and twice where it has not.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The larger lane; <paramref name="value"/> where either is NaN on x86, NaN elsewhere: a NaN in <paramref name="value"/> always passes.</summary>
    static abstract V Max(V bound, V value);

    /// <summary>The smaller lane; NaN in <paramref name="value"/> passes, as in <see cref="Max"/>.</summary>
    static abstract V Min(V bound, V value);

    /// <summary>Lanes without their sign.</summary>
    static abstract V Abs(V value);

    /// <summary>Square roots.</summary>
    static abstract V Sqrt(V value);

    /// <summary>Rounds to integers, ties to even.</summary>
    static abstract V Round(V value);

    /// <summary><c>2^n</c> for lanes that hold integers in [-126, 127].</summary>
    static abstract V PowerOfTwo(V n);

    /// <summary><paramref name="ifTrue"/> in the lanes where <c>left &gt; right</c>, else <paramref name="ifFalse"/> (also for NaN).</summary>
    static abstract V SelectGreater(V left, V right, V ifTrue, V ifFalse);

    /// <summary><paramref name="ifTrue"/> in the lanes where <c>left &gt;= right</c>, else <paramref name="ifFalse"/> (also for NaN).</summary>
    static abstract V SelectGreaterOrEqual(V left, V right, V ifTrue, V ifFalse);

    /// <summary>Lanes with the magnitude of <paramref name="magnitude"/> and the sign of <paramref name="sign"/>.</summary>
    static abstract V CopySign(V magnitude, V sign);
}
