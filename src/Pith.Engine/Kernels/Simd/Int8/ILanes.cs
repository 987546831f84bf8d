namespace Pith.Kernels.Int8;

/// <summary>
/// Some float lanes and the few operations that INT8 epilogues are made of. Each is exact or one IEEE operation per lane, so an epilogue written over <typeparamref name="T"/> gives
/// the same bits for every implementation; <see cref="ScalarLane"/> is the specification.
/// </summary>
/// <typeparam name="T">The implementing type itself.</typeparam>
internal unsafe interface ILanes<T> where T : struct, ILanes<T>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Count { get; }

    static abstract T Broadcast(float value);

    static abstract T Load(float* source);

    static abstract void Store(float* destination, T value);

    /// <summary>Integers, rounded to the nearest float.</summary>
    static abstract T FromInts(int* source);

    /// <summary>float(byte - zero point).</summary>
    static abstract T FromBytes(byte* source, int zeroPoint);

    /// <summary>Rounds lanes to integers (ties to even), adds the zero point and stores bytes. The sums must lie in 0 … 255.</summary>
    static abstract void StoreBytes(byte* destination, T value, int zeroPoint);

    /// <summary>Rounds lanes to integers (ties to even), adds the zero point and stores pixels of four bytes: one lane of each operand, and 0. The sums must lie in 0 … 255.</summary>
    static abstract void StorePixels(byte* destination, T first, T second, T third, int zeroPoint);

    static abstract T operator +(T left, T right);
    static abstract T operator -(T left, T right);
    static abstract T operator *(T left, T right);
    static abstract T operator /(T left, T right);

    /// <summary>x / divisor, or, where the CPU has FMA, what <see cref="QuickDivision"/> has checked to round to the same integers.</summary>
    static abstract T DivideQuickly(T x, T divisor, T high, T low);

    /// <summary>x where x &gt; bound, else the bound (also for NaN).</summary>
    static abstract T AtLeast(T x, T bound);

    /// <summary>x where x &lt; bound, else the bound (also for NaN).</summary>
    static abstract T AtMost(T x, T bound);

    /// <summary><paramref name="negative"/> where x &lt; 0, else <paramref name="other"/>.</summary>
    static abstract T SelectNegative(T x, T negative, T other);

    /// <summary>Rounds to integers, ties to even.</summary>
    static abstract T Round(T x);

    /// <summary>2^n for lanes that hold integers in [-126, 127].</summary>
    static abstract T PowerOfTwo(T n);
}
