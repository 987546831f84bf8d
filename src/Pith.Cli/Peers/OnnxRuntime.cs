using System.Runtime.InteropServices;

namespace Pith.Cli.Peers;

/// <summary>
/// ONNX Runtime, loaded from a shared library that the user has: a peer to be timed in the same process, in turn with Pith. There is no package to install; the
/// library of any ONNX Runtime distribution since 1.17 will do. One environment for its sessions, which are disposed before it. Thread-safe.
/// </summary>
public sealed class OnnxRuntime : IDisposable
{
    /// <summary>Names the library when no path is given.</summary>
    public const string LibraryVariable = "PITH_ONNXRUNTIME_LIBRARY";

    // ORT_LOGGING_LEVEL_ERROR: warnings about a model are not for the user of a benchmark.
    private const int LogErrorsOnly = 3;

    private readonly nint _environment;

    private OnnxRuntime(OrtApi api, nint environment, string version, string library)
    {
        Api = api;
        _environment = environment;
        Version = version;
        Library = library;
    }

    private delegate nint GetApiBase();
    private delegate nint GetApi(uint version);
    private delegate nint GetVersionString();

    /// <summary>What the library says, e.g. <c>1.30.0</c>.</summary>
    public string Version { get; }

    /// <summary>The path that was loaded.</summary>
    public string Library { get; }

    internal OrtApi Api { get; }

    internal nint Environment => _environment;

    /// <summary>Loads the library. It stays loaded until the process ends.</summary>
    /// <param name="library">The path of the shared library, e.g. <c>libonnxruntime.so</c>.</param>
    /// <exception cref="PithException">There is no such file, it is not ONNX Runtime, or too old.</exception>
    public static OnnxRuntime Load(string library)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(library);
        if (!File.Exists(library)) throw new PithException($"There is no ONNX Runtime library '{library}'. Give the path of libonnxruntime.so (or .dylib, or onnxruntime.dll) of any distribution since 1.17.");
        var handle = Open(library);
        if (!NativeLibrary.TryGetExport(handle, "OrtGetApiBase", out var entry)) throw new PithException($"'{library}' is a library, but not ONNX Runtime: it has no function OrtGetApiBase.");
        // struct OrtApiBase { GetApi; GetVersionString; }
        var start = Marshal.GetDelegateForFunctionPointer<GetApiBase>(entry)();
        var version = Marshal.PtrToStringUTF8(Marshal.GetDelegateForFunctionPointer<GetVersionString>(Marshal.ReadIntPtr(start, nint.Size))()) ?? "unknown";
        var table = Marshal.GetDelegateForFunctionPointer<GetApi>(Marshal.ReadIntPtr(start))(OrtApi.Version);
        if (table == 0) throw new PithException($"'{library}' is ONNX Runtime {version}, which does not offer version {OrtApi.Version} of its C API. Take ONNX Runtime 1.17 or newer.");
        var api = new OrtApi(table);
        using var name = new NativeText("pith");
        api.Check(api.CreateEnv(LogErrorsOnly, name.Address, out var environment), "start");
        return new OnnxRuntime(api, environment, version, library);
    }

    /// <inheritdoc/>
    public void Dispose() => Api.ReleaseEnv(_environment);

    private static nint Open(string library)
    {
        try
        {
            return NativeLibrary.Load(Path.GetFullPath(library));
        }
        catch (Exception failure) when (failure is DllNotFoundException or BadImageFormatException)
        {
            // The last line is the system's; those before it give general advice.
            throw new PithException($"'{library}' cannot be loaded as a library: {failure.Message.Trim().Split('\n')[^1].Trim()}", failure);
        }
    }
}
