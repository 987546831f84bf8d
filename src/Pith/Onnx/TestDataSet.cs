using System.Globalization;

namespace Pith;

/// <summary>
/// Inputs and expected outputs of a network in the layout of ONNX's tests: a folder <c>test_data_set_0</c> with <c>input_0.pb</c>, …, <c>output_0.pb</c>, …,
/// numbered in the order of the network's inputs and outputs.
/// </summary>
public static class TestDataSet
{
    private const string Prefix = "test_data_set_";

    /// <summary>The folders of data sets in <paramref name="folder"/>, in the order of their numbers; <paramref name="folder"/> itself when it holds the files of one.</summary>
    /// <exception cref="PithException">The folder is missing or holds neither.</exception>
    public static IReadOnlyList<string> Folders(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder)) throw new PithException($"There is no folder '{folder}'. Expected a folder with {Prefix}0, {Prefix}1, …, as ONNX's tests have them.");
        if (Directory.EnumerateFiles(folder, "*_0.pb").Any()) return [folder];
        var sets = Directory.GetDirectories(folder, Prefix + "*").Select(path => (path, number: Number(Path.GetFileName(path)[Prefix.Length..]))).Where(set => set.number >= 0).OrderBy(set => set.number).Select(set => set.path).ToArray();
        return sets.Length > 0 ? sets : throw new PithException($"'{folder}' holds no test data. Expected folders {Prefix}0, {Prefix}1, … or the files input_0.pb, …, output_0.pb, ….");
    }

    /// <summary>The tensors of <c>input_0.pb</c>, <c>input_1.pb</c>, … in <paramref name="folder"/>: one for each input that is not an initializer.</summary>
    /// <exception cref="PithException">The folder or a file of the numbering is missing, or a file is not a tensor that Pith computes with.</exception>
    public static IReadOnlyList<Tensor> LoadInputs(string folder) => ReadAll(folder, "input");

    /// <summary>The tensors of <c>output_0.pb</c>, <c>output_1.pb</c>, … in <paramref name="folder"/>: what is expected of each output.</summary>
    /// <exception cref="PithException">As in <see cref="LoadInputs"/>.</exception>
    public static IReadOnlyList<Tensor> LoadOutputs(string folder) => ReadAll(folder, "output");

    private static Tensor[] ReadAll(string folder, string kind)
    {
        if (!Directory.Exists(folder)) throw new PithException($"There is no folder '{folder}'.");
        var count = Directory.EnumerateFiles(folder, kind + "_*.pb").Count();
        return [.. Enumerable.Range(0, count).Select(i => Path.Combine(folder, $"{kind}_{i}.pb")).Select(path => File.Exists(path) ? OnnxTensor.Load(path) : throw new PithException($"There is no file '{path}', but {count} files {kind}_*.pb in that folder. Expected them to be numbered from 0 without a gap."))];
    }

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
}
