using System.Globalization;

namespace Pith.Serving;

/// <summary>A model as it lies in the repository.</summary>
/// <param name="Name">What requests call it.</param>
/// <param name="Folder">Its folder; null for a file that stands alone.</param>
/// <param name="Versions">The files by version.</param>
/// <param name="ConfigPath">Its config.pbtxt; null when it has none.</param>
/// <param name="Fingerprint">Names, sizes and times of its files: another one means that something changed.</param>
internal sealed record ModelSource(string Name, string? Folder, IReadOnlyDictionary<long, VersionFiles> Versions, string? ConfigPath, string Fingerprint)
{
    public const string OnnxSuffix = ".onnx";
    public const string PlanSuffix = ".plan";

    /// <summary>Lists the models: NAME/VERSION/model.onnx or .plan, NAME/model.onnx or .plan (version 1), and NAME.onnx or NAME.plan alone (version 1). The repository may be such a file itself.</summary>
    /// <exception cref="PithException">The repository is not there or cannot be read.</exception>
    public static IReadOnlyDictionary<string, ModelSource> Scan(string repository)
    {
        try
        {
            if (File.Exists(repository) && IsModel(repository)) return Alone([repository]);
            if (!Directory.Exists(repository)) throw new PithException($"There is no model repository '{repository}': expected a folder with NAME/VERSION/model.onnx or model.plan, or one ONNX file or plan.");
            var models = Alone(Directory.EnumerateFiles(repository).Where(IsModel).Order(StringComparer.Ordinal));
            foreach (var folder in Directory.EnumerateDirectories(repository).Order(StringComparer.Ordinal))
                if (Path.GetFileName(folder) is var name && !name.StartsWith('.') && OfFolder(name, folder) is { } model) models[name] = model;
            return models;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot read the model repository '{repository}': {failure.Message}", failure);
        }
    }

    public static bool IsPlan(string path) => path.EndsWith(PlanSuffix, StringComparison.OrdinalIgnoreCase);

    private static bool IsModel(string path) => IsPlan(path) || path.EndsWith(OnnxSuffix, StringComparison.OrdinalIgnoreCase);

    private static Dictionary<string, ModelSource> Alone(IEnumerable<string> files)
    {
        var models = new Dictionary<string, ModelSource>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            var name = Path.GetFileNameWithoutExtension(file);
            // A plan and its ONNX file beside each other: the plan.
            if (models.ContainsKey(name) && !IsPlan(file)) continue;
            models[name] = new ModelSource(name, null, new Dictionary<long, VersionFiles> { [1] = new(Path.GetDirectoryName(Path.GetFullPath(file))!, Path.GetFileName(file), Stamp(file)) }, null, Stamp(file));
        }
        return models;
    }

    // Null for a folder that has nothing to do with models.
    private static ModelSource? OfFolder(string name, string folder)
    {
        var own = Stamps(folder);
        var versions = new Dictionary<long, VersionFiles>();
        foreach (var inner in Directory.EnumerateDirectories(folder))
            if (IsVersion(Path.GetFileName(inner), out var version)) versions[version] = new VersionFiles(inner, null, $"{own}|{Stamps(inner)}");
        if (versions.Count == 0 && Directory.EnumerateFiles(folder).Any(IsModel)) versions[1] = new VersionFiles(folder, null, own);
        var config = Path.Combine(folder, ModelConfigFile.Name);
        var hasConfig = File.Exists(config);
        if (versions.Count == 0 && !hasConfig) return null;
        return new ModelSource(name, folder, versions, hasConfig ? config : null, string.Join('|', versions.OrderBy(version => version.Key).Select(version => version.Value.Stamp).Prepend(own)));
    }

    private static string Stamps(string folder) => string.Join('|', Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(Stamp));

    private static bool IsVersion(string name, out long version) =>
        long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out version) && name[0] != '0' | name.Length == 1;

    private static string Stamp(string path)
    {
        var file = new FileInfo(path);
        return string.Create(CultureInfo.InvariantCulture, $"{path}:{(file.Exists ? file.Length : -1)}:{file.LastWriteTimeUtc.Ticks}");
    }
}

/// <summary>Where a version's model file is.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="File">The file's name; null to look for model.plan, model.onnx, or the only model in the folder.</param>
/// <param name="Stamp">Names, sizes and times of everything that the version is made of.</param>
internal sealed record VersionFiles(string Folder, string? File, string Stamp)
{
    /// <summary>The path of the model.</summary>
    /// <param name="named">The file that the configuration names; null for none.</param>
    /// <exception cref="PithException">There is none, or it is not clear which.</exception>
    public string ModelPath(string? named)
    {
        if (File is not null) return Path.Combine(Folder, File);
        foreach (var name in named is null ? ["model.plan", "model.onnx"] : (string[])[named])
            if (Path.Combine(Folder, name) is var path && System.IO.File.Exists(path)) return path;
        if (named is not null) throw new PithException($"'{Folder}' has no file '{named}', which the configuration names as default_model_filename.");
        string[] models = Directory.Exists(Folder) ? [.. Directory.EnumerateFiles(Folder).Where(path => ModelSource.IsPlan(path) || path.EndsWith(ModelSource.OnnxSuffix, StringComparison.OrdinalIgnoreCase))] : [];
        return models is [var only] ? only : throw new PithException(models.Length == 0
            ? $"'{Folder}' has no model: expected model.onnx or model.plan."
            : $"'{Folder}' has {models.Length} models and none is called model.onnx or model.plan. Name one by default_model_filename in {ModelConfigFile.Name}.");
    }
}
