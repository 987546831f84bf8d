namespace Pith.TestKit;

/// <summary>Finds the optional folder of real networks and images that lies beside the repository; tests that need it skip when it is absent.</summary>
public static class SharedData
{
    /// <summary>The absolute folder, or null when it is absent. <c>PITH_SHARED</c> overrides the search.</summary>
    public static string? Root { get; } = Find();

    /// <summary>The absolute path of <paramref name="relative"/> under the data folder, or null when it is not there.</summary>
    public static string? Path(string relative)
    {
        if (Root is null) return null;
        var full = System.IO.Path.Combine(Root, "data", relative);
        return File.Exists(full) || Directory.Exists(full) ? full : null;
    }

    /// <summary>The folder of cases in the layout of ONNX's node tests, one level deeper: <c>CASE/VARIANT/model.onnx</c>. Null when it is absent.</summary>
    public static string? Cases { get; } = Root is not null && System.IO.Path.Combine(Root, "cases") is var cases && Directory.Exists(cases) ? cases : null;

    /// <summary>The absolute path of a test case (<c>NN-name</c> or something in it), or null when it is not there.</summary>
    public static string? Case(string relative) => Path(System.IO.Path.Combine("..", "cases", relative)) is { } full ? System.IO.Path.GetFullPath(full) : null;

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("PITH_SHARED") is { Length: > 0 } configured) return configured;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(System.IO.Path.Combine(folder.FullName, "Pith.slnx"))) continue;
            var candidate = System.IO.Path.Combine(folder.Parent?.FullName ?? "/", "shared");
            return Directory.Exists(candidate) ? candidate : null;
        }
        return null;
    }
}
