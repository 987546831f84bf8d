using System.Buffers.Binary;
using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>
/// The MNIST family (MNIST, Fashion-MNIST, KMNIST, EMNIST) in IDX files (http://yann.lecun.com/exdb/mnist): big-endian header, then
/// unsigned bytes; plain or gzip-compressed. Images are grey; a network with three input channels gets them replicated.
/// </summary>
public sealed class MnistDataset : ImageDataset
{
    private const uint ImagesMagic = 0x00000803, LabelsMagic = 0x00000801; // two zeros, unsigned byte, number of axes
    private const int MaxSide = 4096;

    private readonly byte[] _labels;
    private readonly byte[] _pixels;
    private readonly string[] _classNames;

    private MnistDataset(string name, byte[] labels, byte[] pixels, ImageShape shape)
    {
        (Name, _labels, _pixels, Shape) = (name, labels, pixels, shape);
        _classNames = [.. Enumerable.Range(0, Math.Max(10, labels.Max() + 1)).Select(c => c.ToString(CultureInfo.InvariantCulture))];
    }

    internal static DatasetKind Kind { get; } = new("mnist", "mnist:PATH",
        "The MNIST family in IDX files (plain or .gz): the file of images, with the file of labels beside it, or the folder; a folder with both parts needs ?split=train or ?split=test (t10k-*).",
        TakesPath: true, ["split"], spec => [Images(spec), Labels(spec)], (spec, _) => Load(Images(spec), Labels(spec), spec.Text));

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _labels.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _classNames;

    /// <inheritdoc/>
    public override ImageShape? Shape { get; }

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing => Preprocessing.Mnist;

    /// <summary>Reads one file of images and the file of their labels.</summary>
    /// <exception cref="PithException">A file is missing, damaged, or the two do not belong together.</exception>
    public static MnistDataset Load(string imagesFile, string labelsFile, string name)
    {
        var images = DataFile.ReadAllBytesOrGzip(imagesFile);
        var labels = DataFile.ReadAllBytesOrGzip(labelsFile);
        var axes = Header(images, ImagesMagic, imagesFile);
        var labelCount = Header(labels, LabelsMagic, labelsFile)[0];
        if (axes[0] == 0 || axes[1] is 0 or > MaxSide || axes[2] is 0 or > MaxSide)
            throw new PithException($"'{imagesFile}' claims {axes[0]} images of {axes[1]}x{axes[2]} pixels: expected at least one, with sides of 1 to {MaxSide}. The file is damaged.");
        if (labelCount != axes[0])
            throw new PithException($"'{imagesFile}' has {axes[0]} images, '{labelsFile}' has {labelCount} labels: expected as many. Check that both belong to the same part.");
        return new MnistDataset(name, labels[8..], images[16..], new ImageShape(1, (int)axes[1], (int)axes[2]));
    }

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override Sample Load(int index)
    {
        var shape = Shape!.Value;
        return new(_labels[index], new Image(shape.Width, shape.Height, 1, _pixels.AsMemory(index * shape.Elements, shape.Elements)));
    }

    private static string Images(DatasetSpec spec) => File.Exists(spec.Path) ? spec.Path : FindImages(spec);

    private static string Labels(DatasetSpec spec) => LabelsBeside(Images(spec))
        ?? throw new PithException($"Dataset '{spec.Text}': no file of labels beside '{Images(spec)}'. Expected the same name with 'labels-idx1' instead of 'images-idx3'.");

    private static string FindImages(DatasetSpec spec)
    {
        if (!Directory.Exists(spec.Path)) throw new PithException($"Dataset '{spec.Text}': no file or folder '{spec.Path}'. Check the path.");
        var train = DataPaths.Matching(spec.Path, "*train*images*idx3*");
        var test = DataPaths.Matching(spec.Path, "*images*idx3*").Except(train).ToArray();
        var found = spec.WantsTrain() switch { true => train, false => test, null => [.. train, .. test] };
        return found.Length == 1 ? found[0]
            : throw new PithException($"Dataset '{spec.Text}': '{spec.Path}' has {found.Length} matching files of images (*images-idx3*), expected one. Name the file, or add ?split=train or ?split=test.");
    }

    private static string? LabelsBeside(string images)
    {
        var name = Path.GetFileName(images).Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);
        var plain = Path.Combine(Path.GetDirectoryName(images) ?? "", name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name);
        return plain == images ? null : File.Exists(plain) ? plain : File.Exists(plain + ".gz") ? plain + ".gz" : null;
    }

    /// <summary>The lengths of the axes; the file must hold exactly that many bytes.</summary>
    private static uint[] Header(byte[] idx, uint magic, string file)
    {
        var axes = new uint[magic & 0xFF];
        var headerBytes = 4 + 4 * axes.Length;
        var found = idx.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(idx) : 0;
        if (found != magic || idx.Length < headerBytes)
            throw new PithException($"'{file}' is not an IDX file of {(magic == ImagesMagic ? "images" : "labels")}: expected it to start with {magic:X8}, got {found:X8} in {idx.Length} bytes.");
        var elements = (UInt128)1;
        for (var axis = 0; axis < axes.Length; axis++) elements *= axes[axis] = BinaryPrimitives.ReadUInt32BigEndian(idx.AsSpan(4 + 4 * axis));
        if (elements != (UInt128)(idx.Length - headerBytes))
            throw new PithException($"'{file}' has {idx.Length - headerBytes} bytes of data: expected {string.Join("x", axes)} = {elements}. It is cut short or damaged; fetch it again.");
        return axes;
    }
}
