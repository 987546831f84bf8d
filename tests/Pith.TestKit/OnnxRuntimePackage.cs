using System.Reflection;
using System.Runtime.InteropServices;

namespace Pith.TestKit;

/// <summary>The native library of ONNX Runtime's NuGet package, for tests that compare with it.</summary>
public static class OnnxRuntimePackage
{
    /// <summary>The library's path; null where the package has none for this machine.</summary>
    public static string? Library { get; } = Find();

    private static string? Find()
    {
        var package = typeof(OnnxRuntimePackage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(attribute => attribute.Key == nameof(OnnxRuntimePackage))?.Value;
        if (string.IsNullOrEmpty(package)) return null;
        var name = OperatingSystem.IsWindows() ? "onnxruntime.dll" : OperatingSystem.IsMacOS() ? "libonnxruntime.dylib" : "libonnxruntime.so";
        var path = Path.Combine(package, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", name);
        return File.Exists(path) ? path : null;
    }
}
