namespace Pith.Compression.Data;

/// <summary>
/// CIFAR-10 in its binary form (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label byte and 3 x 32 x 32 bytes, planes R,
/// G, B; plain or gzip-compressed. The whole set is held in memory, 3 KB a sample.
/// </summary>
public sealed class Cifar10Dataset : ImageDataset
{
    private const int Side = 32, Plane = Side * Side, RecordBytes = 1 + 3 * Plane;

    private static readonly string[] _classNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    private readonly byte[] _labels;
    private readonly Image[] _images;

    private Cifar10Dataset(string name, byte[] labels, Image[] images) => (Name, _labels, _images) = (name, labels, images);

    internal static DatasetKind Kind { get; } = new("cifar10", "cifar10:PATH",
        "CIFAR-10 binary files (.bin or .bin.gz): one file, a list separated by commas, a name with *, or the folder; a folder with both parts needs ?split=train (data_batch_*) or ?split=test (test_batch*).",
        TakesPath: true, ["split"], Files, (spec, _) => Load(Files(spec), spec.Text));

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _labels.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _classNames;

    /// <inheritdoc/>
    public override ImageShape? Shape => new(3, Side, Side);

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing => Preprocessing.Cifar10;

    /// <summary>Reads files in the given order.</summary>
    /// <exception cref="PithException">A file is missing, damaged, or no CIFAR-10 file.</exception>
    public static Cifar10Dataset Load(IReadOnlyList<string> files, string name)
    {
        var labels = new List<byte>();
        var images = new List<Image>();
        foreach (var file in files)
        {
            var bytes = DataFile.ReadAllBytesOrGzip(file);
            CheckRecords(file, bytes);
            for (var at = 0; at < bytes.Length; at += RecordBytes) labels.Add(bytes[at]);
            images.AddRange(Interleave(bytes));
        }
        return new Cifar10Dataset(name, [.. labels], [.. images]);
    }

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override Sample Load(int index) => new(_labels[index], _images[index]);

    private static string[] Files(DatasetSpec spec)
    {
        if (!Directory.Exists(spec.Path)) return DataPaths.List(spec.Path, spec.Text);
        var train = DataPaths.Matching(spec.Path, "data_batch_*.bin*");
        var test = DataPaths.Matching(spec.Path, "test_batch*.bin*");
        var files = spec.WantsTrain() switch
        {
            true => train,
            false => test,
            null when train.Length > 0 && test.Length > 0 =>
                throw new PithException($"Dataset '{spec.Text}': the folder has training and test files. Add ?split=train or ?split=test."),
            null => train.Length > 0 ? train : test,
        };
        return files.Length > 0 ? files
            : throw new PithException($"Dataset '{spec.Text}': '{spec.Path}' has no such file. Expected data_batch_*.bin(.gz) for training, test_batch*.bin(.gz) for test.");
    }

    private static void CheckRecords(string file, byte[] bytes)
    {
        if (bytes.Length == 0 || bytes.Length % RecordBytes != 0)
            throw new PithException($"'{file}' has {bytes.Length} bytes: CIFAR-10 records have {RecordBytes} bytes each (label, then 3x32x32 pixels). It is cut short, or CIFAR-100, or the Python version; expected the binary version.");
        for (var at = 0; at < bytes.Length; at += RecordBytes)
            if (bytes[at] > 9)
                throw new PithException($"'{file}': record {at / RecordBytes} has label {bytes[at]}, expected 0 to 9. The file is damaged or not CIFAR-10.");
    }

    /// <summary>Planes to interleaved pixels, once, so that reading a sample copies nothing.</summary>
    private static Image[] Interleave(byte[] bytes)
    {
        var count = bytes.Length / RecordBytes;
        var pixels = new byte[count * 3 * Plane];
        var images = new Image[count];
        for (var i = 0; i < count; i++)
        {
            var planes = bytes.AsSpan(i * RecordBytes + 1, 3 * Plane);
            var to = pixels.AsSpan(i * 3 * Plane, 3 * Plane);
            for (var p = 0; p < Plane; p++)
                (to[3 * p], to[3 * p + 1], to[3 * p + 2]) = (planes[p], planes[Plane + p], planes[2 * Plane + p]);
            images[i] = new Image(Side, Side, 3, pixels.AsMemory(i * 3 * Plane, 3 * Plane));
        }
        return images;
    }
}
