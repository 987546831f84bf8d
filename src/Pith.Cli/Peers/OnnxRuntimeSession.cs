using System.Runtime.InteropServices;
using Pith.Benchmarking;

namespace Pith.Cli.Peers;

/// <summary>
/// One model in ONNX Runtime on the CPU, set up as its documentation advises for latency: all graph optimisations, operators one after the other, spinning threads
/// (the default). Inputs lie in memory of the session; outputs are allocated by the first run and written again by the next ones. One caller at a time.
/// </summary>
public sealed class OnnxRuntimeSession : IQuery, IDisposable
{
    /// <summary>
    /// Seconds after which the session's threads have stopped looking for work. They spin a million times, each time a pause of up to 140 cycles: measured 40 ms on
    /// a Zen 5, computed 50 ms for an Intel core of 3 GHz.
    /// </summary>
    public const double LingersSeconds = 0.06;

    private const int Sequential = 0;
    private const int NoOptimizations = 0;
    private const int AllOptimizations = 99;
    private const int ArenaAllocator = 1;
    private const int DefaultMemory = 0;

    private readonly OrtApi _api;
    private readonly string _model;
    private readonly nint _session;
    private readonly nint _memoryInfo;
    private readonly List<(string Name, DataType Type, Shape Shape, nint Data, nint Bytes)> _inputs = [];
    private readonly nint[] _inputNames;
    private readonly nint[] _inputValues;
    private readonly nint[] _outputNames;
    private readonly nint[] _outputValues;
    private bool _disposed;

    /// <summary>Loads a model.</summary>
    /// <param name="runtime">The library; it stays the caller's and is disposed after the session.</param>
    /// <param name="model">The path of an ONNX file.</param>
    /// <param name="batch">The images of a run: the size of every leading dimension that the file leaves open.</param>
    /// <param name="threads">Threads within an operator, the caller's included.</param>
    /// <param name="types">Types of the inputs: their fixed sizes replace sizes other than the batch that the file leaves open; null for none.</param>
    /// <param name="literal">Runs the file as it is written, without graph optimisations: for comparing results, not speed.</param>
    /// <exception cref="PithException">ONNX Runtime refuses the model, or an input has a size that nothing tells.</exception>
    public OnnxRuntimeSession(OnnxRuntime runtime, string model, int batch, int threads, IReadOnlyList<TensorType>? types = null, bool literal = false)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentException.ThrowIfNullOrWhiteSpace(model);
        _api = runtime.Api;
        _model = model;
        Batch = batch;
        _session = Create(runtime, threads, literal);
        try
        {
            Check(_api.CreateCpuMemoryInfo(ArenaAllocator, DefaultMemory, out _memoryInfo));
            Check(_api.SessionGetInputCount(_session, out var inputs));
            Check(_api.SessionGetOutputCount(_session, out var outputs));
            _inputNames = [.. Enumerable.Range(0, (int)inputs).Select(i => NameAt(_api.SessionGetInputName, i))];
            _outputNames = [.. Enumerable.Range(0, (int)outputs).Select(i => NameAt(_api.SessionGetOutputName, i))];
            _inputValues = new nint[inputs];
            _outputValues = new nint[outputs];
            for (var i = 0; i < inputs; i++) AddInput(i, types is not null && i < types.Count ? types[i] : null);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Images of a run.</summary>
    public int Batch { get; }

    /// <summary>Names, types and shapes of the inputs at <see cref="Batch"/>.</summary>
    public IReadOnlyList<(string Name, DataType Type, Shape Shape)> Inputs => [.. _inputs.Select(input => (input.Name, input.Type, input.Shape))];

    /// <summary>Copies row-major elements into the input at this position.</summary>
    /// <exception cref="PithException">The input has another type or number of elements.</exception>
    public void SetInput<T>(int index, ReadOnlySpan<T> elements) where T : unmanaged
    {
        var input = _inputs[index];
        if (input.Type != DataTypes.Of<T>() || input.Shape.Length != elements.Length) throw new PithException($"Input '{input.Name}' of '{_model}' is {input.Type.ShortName()}{input.Shape} to ONNX Runtime, got {elements.Length} elements of type {DataTypes.Of<T>().ShortName()}. Do the two models belong together?");
        var bytes = MemoryMarshal.AsBytes(elements).ToArray();
        Marshal.Copy(bytes, 0, input.Data, bytes.Length);
    }

    /// <inheritdoc/>
    public void Run()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Check(_api.Run(_session, 0, _inputNames, _inputValues, _inputValues.Length, _outputNames, _outputNames.Length, _outputValues), "run");
    }

    /// <summary>The first output of the last run, row-major; null when it is not a tensor of floats.</summary>
    public Tensor<float>? FirstOutput() => Output(0) as Tensor<float>;

    /// <summary>A copy of an output of the last run, row-major; null when it is not a tensor of numbers.</summary>
    /// <param name="index">Its position among the outputs.</param>
    public Tensor? Output(int index)
    {
        Check(_api.IsTensor(_outputValues[index], out var isTensor));
        if (isTensor == 0) return null;
        Check(_api.GetTensorTypeAndShape(_outputValues[index], out var info));
        var (type, sizes) = Describe(info);
        _api.ReleaseTensorTypeAndShapeInfo(info);
        // Numbers of four bits lie two in a byte there.
        if (!Enum.IsDefined(type) || type.IsPacked()) return null;
        Check(_api.GetTensorMutableData(_outputValues[index], out var data));
        var tensor = Tensor.Zeros(type, new Shape([.. sizes.Select(size => checked((int)size))]));
        var bytes = new byte[tensor.Bytes.Length];
        if (bytes.Length > 0) Marshal.Copy(data, bytes, 0, bytes.Length);
        bytes.CopyTo(tensor.Bytes);
        return tensor;
    }

    /// <summary>Frees the model and its memory. Must not be called during a run.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        // The constructor may have got anywhere.
        foreach (var value in (nint[])[.. _inputValues ?? [], .. _outputValues ?? []])
            if (value != 0) _api.ReleaseValue(value);
        foreach (var name in (nint[])[.. _inputNames ?? [], .. _outputNames ?? []]) Marshal.FreeCoTaskMem(name);
        foreach (var input in _inputs) Marshal.FreeHGlobal(input.Data);
        if (_memoryInfo != 0) _api.ReleaseMemoryInfo(_memoryInfo);
        _api.ReleaseSession(_session);
    }

    private nint Create(OnnxRuntime runtime, int threads, bool literal)
    {
        Check(_api.CreateSessionOptions(out var options));
        // Paths are UTF-16 on Windows and UTF-8 elsewhere.
        var path = OperatingSystem.IsWindows() ? Marshal.StringToCoTaskMemUni(_model) : Marshal.StringToCoTaskMemUTF8(_model);
        using var spinning = new NativeText("session.intra_op.allow_spinning");
        using var yes = new NativeText("1");
        try
        {
            Check(_api.SetSessionGraphOptimizationLevel(options, literal ? NoOptimizations : AllOptimizations));
            Check(_api.SetSessionExecutionMode(options, Sequential));
            Check(_api.SetIntraOpNumThreads(options, threads));
            Check(_api.SetInterOpNumThreads(options, 1));
            Check(_api.AddSessionConfigEntry(options, spinning.Address, yes.Address));
            Check(_api.CreateSession(runtime.Environment, path, options, out var session), "load");
            return session;
        }
        finally
        {
            _api.ReleaseSessionOptions(options);
            Marshal.FreeCoTaskMem(path);
        }
    }

    /// <summary>A copy of a name, because the library's is freed by the library.</summary>
    private nint NameAt(OrtApi.NameAt function, int index)
    {
        Check(_api.GetAllocatorWithDefaultOptions(out var allocator));
        Check(function(_session, index, allocator, out var name));
        var copy = Marshal.StringToCoTaskMemUTF8(Marshal.PtrToStringUTF8(name));
        Check(_api.AllocatorFree(allocator, name));
        return copy;
    }

    private void AddInput(int index, TensorType? known)
    {
        var name = Marshal.PtrToStringUTF8(_inputNames[index])!;
        Check(_api.SessionGetInputTypeInfo(_session, index, out var typeInfo));
        Check(_api.CastTypeInfoToTensorInfo(typeInfo, out var info));
        var (type, sizes) = info == 0 ? (0, []) : Describe(info);
        _api.ReleaseTypeInfo(typeInfo);
        if (!Enum.IsDefined(type) || type.IsPacked()) throw new PithException($"Input '{name}' of '{_model}' is not a numeric tensor; such a model cannot be timed.");
        // A leading size that is left open is the batch.
        if (sizes is [< 0, ..]) sizes[0] = Batch;
        for (var axis = 1; axis < sizes.Length; axis++)
            if (sizes[axis] < 0 && known is not null && known.Rank == sizes.Length && known[axis].IsFixed) sizes[axis] = known[axis].Size;
        if (sizes.Any(size => size < 0)) throw new PithException($"Input '{name}' of '{_model}' is [{string.Join(", ", sizes)}]: sizes other than the batch must be in the file. Export it with fixed sizes.");
        var shape = new Shape([.. sizes.Select(size => checked((int)size))]);
        var bytes = (nint)shape.Length * type.SizeInBytes();
        var data = Marshal.AllocHGlobal(bytes);
        _inputs.Add((name, type, shape, data, bytes));
        Marshal.Copy(new byte[bytes], 0, data, (int)bytes);
        Check(_api.CreateTensorWithDataAsOrtValue(_memoryInfo, data, bytes, sizes, sizes.Length, (int)type, out _inputValues[index]));
    }

    /// <summary>Element type and sizes; a size that is left open is negative. ONNX Runtime numbers element types as the file format does.</summary>
    private (DataType Type, long[] Sizes) Describe(nint info)
    {
        Check(_api.GetTensorElementType(info, out var type));
        Check(_api.GetDimensionsCount(info, out var rank));
        var sizes = new long[rank];
        Check(_api.GetDimensions(info, sizes, rank));
        return ((DataType)type, sizes);
    }

    private void Check(nint status, string what = "set up") => _api.Check(status, $"{what} '{_model}'");
}
