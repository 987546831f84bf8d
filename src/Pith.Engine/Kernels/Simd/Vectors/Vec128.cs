using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Pith.Kernels.Simd;

/// <summary>Four floats: what every 64-bit CPU has (SSE2: 16 registers, NEON: 32).</summary>
internal readonly unsafe struct Vec128(Vector128<float> lanes) : IVec<Vec128>
{
    private readonly Vector128<float> _lanes = lanes;

    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    public static int MaxTileRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ArmBase.Arm64.IsSupported ? 12 : 6;
    }

    public static int MaxSlidingRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ArmBase.Arm64.IsSupported ? 14 : 12;
    }

    public static Vec128 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector128<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Vec128 value) => value._lanes.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Stream(float* destination, Vec128 value) => value._lanes.StoreAlignedNonTemporal(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 LoadPartial(float* source, int count)
    {
        var lanes = Vector128.CreateScalar(source[0]);
        if (count > 1) lanes = lanes.WithElement(1, source[1]);
        if (count > 2) lanes = lanes.WithElement(2, source[2]);
        if (count > 3) lanes = lanes.WithElement(3, source[3]);
        return new(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(float* destination, int count, Vec128 value)
    {
        destination[0] = value._lanes[0];
        if (count > 1) destination[1] = value._lanes[1];
        if (count > 2) destination[2] = value._lanes[2];
        if (count > 3) destination[3] = value._lanes[3];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator +(Vec128 left, Vec128 right) => new(left._lanes + right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator -(Vec128 left, Vec128 right) => new(left._lanes - right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator *(Vec128 left, Vec128 right) => new(left._lanes * right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator /(Vec128 left, Vec128 right) => new(left._lanes / right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 MultiplyAdd(Vec128 a, Vec128 b, Vec128 c) => new(Vector128.MultiplyAddEstimate(a._lanes, b._lanes, c._lanes));

    // MAXPS and MINPS return their second operand when either is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Max(Vec128 bound, Vec128 value) => new(Vector128.MaxNative(bound._lanes, value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Min(Vec128 bound, Vec128 value) => new(Vector128.MinNative(bound._lanes, value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Abs(Vec128 value) => new(Vector128.Abs(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Sqrt(Vec128 value) => new(Vector128.Sqrt(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Round(Vec128 value) => new(Vector128.Round(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 PowerOfTwo(Vec128 n) =>
        new(((Vector128.ConvertToInt32Native(n._lanes) + Vector128.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 SelectGreater(Vec128 left, Vec128 right, Vec128 ifTrue, Vec128 ifFalse) =>
        new(Vector128.ConditionalSelect(Vector128.GreaterThan(left._lanes, right._lanes), ifTrue._lanes, ifFalse._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 SelectGreaterOrEqual(Vec128 left, Vec128 right, Vec128 ifTrue, Vec128 ifFalse) =>
        new(Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(left._lanes, right._lanes), ifTrue._lanes, ifFalse._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 CopySign(Vec128 magnitude, Vec128 sign) => new(Vector128.CopySign(magnitude._lanes, sign._lanes));
}
