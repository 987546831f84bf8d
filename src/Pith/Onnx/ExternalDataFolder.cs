namespace Pith.Onnx;

/// <summary>The folder of a model, in which the files of its external data lie. Only files inside it are opened.</summary>
internal static class ExternalDataFolder
{
    /// <summary>Opens a file that a model names.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="location">The name, which must not lead out of the folder.</param>
    /// <exception cref="PithException">The location leaves the folder, or the file cannot be read.</exception>
    public static FileStream Open(string folder, string location)
    {
        var parts = location.Split('/', '\\');
        if (Path.IsPathRooted(location) || parts.Contains("..") || location.Contains('\0', StringComparison.Ordinal) || location.Contains(':', StringComparison.Ordinal))
            throw new PithException($"has its data at '{location}', outside the model's folder. Only files beside the model are read.");
        var path = Path.Combine([folder, .. parts]);
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new PithException($"has its data in '{path}', which cannot be read: {failure.Message} The data files must lie beside the model.", failure);
        }
    }
}
