using System.Runtime.InteropServices;

namespace Pith.Cli.Peers;

/// <summary>
/// The functions of ONNX Runtime's C API that a session needs. They come as a table of function pointers whose order is fixed: entries are only ever appended,
/// so an index holds for every later version. Indices are positions in <c>struct OrtApi</c> of <c>onnxruntime_c_api.h</c>.
/// </summary>
/// <remarks>
/// Delegates and not function pointers: this assembly has no unsafe code, and a call that costs 20 ns more does not show beside a network. Handles are opaque;
/// functions that can fail return a status, zero when all went well. Thread-safe.
/// </remarks>
internal sealed class OrtApi(nint table)
{
    /// <summary>The version of the table that is asked for (ONNX Runtime 1.17); newer libraries serve it too.</summary>
    public const uint Version = 17;

    public delegate nint Call1(nint a);
    public delegate nint Call2(nint a, nint b);
    public delegate nint Call3(nint a, nint b, nint c);
    public delegate nint WithNumber(nint a, int number);
    public delegate nint Out(out nint result);
    public delegate nint OutOf(nint a, out nint result);
    public delegate nint OutNumber(nint a, out int number);
    public delegate nint CreateMemoryInfo(int allocator, int memory, out nint result);
    public delegate nint CreateEnvironment(int logLevel, nint name, out nint result);
    public delegate nint CreateSessionOf(nint environment, nint path, nint options, out nint result);
    public delegate nint NameAt(nint session, nint index, nint allocator, out nint result);
    public delegate nint TypeAt(nint session, nint index, out nint result);
    public delegate nint Dimensions(nint type, [Out, MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 2)] long[] sizes, nint count);
    public delegate nint TensorOf(nint memoryInfo, nint data, nint bytes, [In] long[] sizes, nint rank, int type, out nint result);
    public delegate nint RunSession(nint session, nint options, [In] nint[] inputNames, [In] nint[] inputs, nint inputCount, [In] nint[] outputNames, nint outputCount, [In, Out] nint[] outputs);
    public delegate void Release(nint a);

    public Call1 GetErrorMessage { get; } = Entry<Call1>(table, 2);
    public CreateEnvironment CreateEnv { get; } = Entry<CreateEnvironment>(table, 3);
    public CreateSessionOf CreateSession { get; } = Entry<CreateSessionOf>(table, 7);
    public RunSession Run { get; } = Entry<RunSession>(table, 9);
    public Out CreateSessionOptions { get; } = Entry<Out>(table, 10);
    public WithNumber SetSessionExecutionMode { get; } = Entry<WithNumber>(table, 13);
    public WithNumber SetSessionGraphOptimizationLevel { get; } = Entry<WithNumber>(table, 23);
    public WithNumber SetIntraOpNumThreads { get; } = Entry<WithNumber>(table, 24);
    public WithNumber SetInterOpNumThreads { get; } = Entry<WithNumber>(table, 25);
    public OutOf SessionGetInputCount { get; } = Entry<OutOf>(table, 30);
    public OutOf SessionGetOutputCount { get; } = Entry<OutOf>(table, 31);
    public TypeAt SessionGetInputTypeInfo { get; } = Entry<TypeAt>(table, 33);
    public NameAt SessionGetInputName { get; } = Entry<NameAt>(table, 36);
    public NameAt SessionGetOutputName { get; } = Entry<NameAt>(table, 37);
    public TensorOf CreateTensorWithDataAsOrtValue { get; } = Entry<TensorOf>(table, 49);
    public OutNumber IsTensor { get; } = Entry<OutNumber>(table, 50);
    public OutOf GetTensorMutableData { get; } = Entry<OutOf>(table, 51);
    public OutOf CastTypeInfoToTensorInfo { get; } = Entry<OutOf>(table, 55);
    public OutNumber GetTensorElementType { get; } = Entry<OutNumber>(table, 60);
    public OutOf GetDimensionsCount { get; } = Entry<OutOf>(table, 61);
    public Dimensions GetDimensions { get; } = Entry<Dimensions>(table, 62);
    public OutOf GetTensorTypeAndShape { get; } = Entry<OutOf>(table, 65);
    public CreateMemoryInfo CreateCpuMemoryInfo { get; } = Entry<CreateMemoryInfo>(table, 69);
    public Call2 AllocatorFree { get; } = Entry<Call2>(table, 76);
    public Out GetAllocatorWithDefaultOptions { get; } = Entry<Out>(table, 78);
    public Release ReleaseEnv { get; } = Entry<Release>(table, 92);
    public Release ReleaseStatus { get; } = Entry<Release>(table, 93);
    public Release ReleaseMemoryInfo { get; } = Entry<Release>(table, 94);
    public Release ReleaseSession { get; } = Entry<Release>(table, 95);
    public Release ReleaseValue { get; } = Entry<Release>(table, 96);
    public Release ReleaseTypeInfo { get; } = Entry<Release>(table, 98);
    public Release ReleaseTensorTypeAndShapeInfo { get; } = Entry<Release>(table, 99);
    public Release ReleaseSessionOptions { get; } = Entry<Release>(table, 100);
    public Call3 AddSessionConfigEntry { get; } = Entry<Call3>(table, 130);

    /// <summary>Throws what a status says and releases it.</summary>
    /// <param name="status">What a function returned.</param>
    /// <param name="what">What was tried, e.g. <c>load 'net.onnx'</c>.</param>
    /// <exception cref="PithException">The status is an error.</exception>
    public void Check(nint status, string what)
    {
        if (status == 0) return;
        var message = Marshal.PtrToStringUTF8(GetErrorMessage(status));
        ReleaseStatus(status);
        throw new PithException($"ONNX Runtime cannot {what}: {message}");
    }

    private static TDelegate Entry<TDelegate>(nint table, int index) where TDelegate : Delegate =>
        Marshal.GetDelegateForFunctionPointer<TDelegate>(Marshal.ReadIntPtr(table, index * nint.Size));
}
