namespace Pith.Compression.Data;

/// <summary>
/// How an image becomes a network's input, declared once and carried by the model in its ONNX metadata under
/// <see cref="MetadataKey"/>: resize, centre crop, then <c>(pixel * Scale - Mean) / Std</c> per channel, as float32 in CHW order
/// (R, G, B unless <see cref="Bgr"/>). Resizing equals Pillow bit for bit, sizes and offsets round as torchvision does. Immutable; safe to share.
/// </summary>
public sealed record Preprocessing
{
    /// <summary>The key under which <see cref="ToJson"/> travels in the metadata of an ONNX model.</summary>
    public const string MetadataKey = "pith.preprocessing";

    /// <summary>The largest resize or crop that is accepted, in pixels.</summary>
    public const int MaxSize = 16_384;

    /// <summary>Target length of the shorter side in pixels, with the aspect ratio kept; null keeps the size.</summary>
    public int? ResizeShorterSide { get; init; }

    /// <summary>Target width and height in pixels, whatever the aspect ratio; null does not stretch. Not together with <see cref="ResizeShorterSide"/>.</summary>
    public PixelSize? ResizeTo { get; init; }

    /// <summary>The filter of resizing.</summary>
    public ResamplingFilter Filter { get; init; }

    /// <summary>The window cut from the centre after resizing, in pixels; null keeps the whole image.</summary>
    public PixelSize? CenterCrop { get; init; }

    /// <summary>Whether the network takes channels in the order B, G, R; <see cref="Mean"/> and <see cref="Std"/> are then in this order, too.</summary>
    public bool Bgr { get; init; }

    /// <summary>The layout that the network must have; null: either, found from its input's type.</summary>
    public ImageLayout? Layout { get; init; }

    /// <summary>Factor applied to the 0..255 sample first: 1/255 or 1.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Subtracted after scaling, per channel: three values, or one for a network with grey input.</summary>
    public ValueList<float> Mean { get; init; } = [0, 0, 0];

    /// <summary>Divided by last, per channel; as many as <see cref="Mean"/>, all above zero.</summary>
    public ValueList<float> Std { get; init; } = [1, 1, 1];

    /// <summary>ImageNet networks of torchvision: shorter side to 256, centre crop 224, /255, the ImageNet mean and deviation.</summary>
    public static Preprocessing ImageNet { get; } = new()
    {
        ResizeShorterSide = 256,
        CenterCrop = 224,
        Scale = 1.0 / 255,
        Mean = [0.485f, 0.456f, 0.406f],
        Std = [0.229f, 0.224f, 0.225f],
    };

    /// <summary>CIFAR-10 networks: 32 x 32, /255, the ImageNet mean and deviation.</summary>
    public static Preprocessing Cifar10 { get; } = ImageNet with { ResizeShorterSide = 32, CenterCrop = 32 };

    /// <summary>One grey channel of the MNIST family: 28 x 28, /255, mean 0.1307, deviation 0.3081.</summary>
    public static Preprocessing Mnist { get; } = new() { ResizeShorterSide = 28, CenterCrop = 28, Scale = 1.0 / 255, Mean = [0.1307f], Std = [0.3081f] };

    /// <summary>Inception and networks of Keras: 299 x 299 whatever the aspect ratio, -1 to 1.</summary>
    public static Preprocessing Inception { get; } = new() { ResizeTo = 299, Scale = 1.0 / 255, Mean = [0.5f, 0.5f, 0.5f], Std = [0.5f, 0.5f, 0.5f] };

    /// <summary>Raw samples 0..255 at the image's own size.</summary>
    public static Preprocessing Raw { get; } = new();

    /// <summary>Channels of the result: 3 (R, G, B) or 1 (grey); images of the other kind are converted.</summary>
    public int Channels => Mean.Count;

    /// <summary>The same geometry with the samples left as they are, 0..255: what is left to do for a network that normalises them itself.</summary>
    public Preprocessing KeepingSamples() => this with { Scale = 1, Mean = ValueList.Repeat(0f, Channels), Std = ValueList.Repeat(1f, Channels) };

    /// <summary>The shape that an image of <paramref name="width"/> x <paramref name="height"/> pixels becomes.</summary>
    /// <exception cref="PithException">The crop does not fit.</exception>
    public ImageShape OutputShape(int width, int height)
    {
        var geometry = Geometry.Of(this, width, height);
        return new ImageShape(Channels, geometry.Crop.Height, geometry.Crop.Width);
    }

    /// <summary>
    /// Turns an image into float32 network input. Thread-safe. For many images <c>BatchLoader</c> is
    /// faster: it prepares the lookup tables once.
    /// </summary>
    /// <param name="image">The image; grey is replicated to three channels, colour reduced to luma, where the network wants it.</param>
    /// <param name="chw">Receives [Channels, H, W]; exactly as long as <see cref="OutputShape"/> says.</param>
    /// <exception cref="PithException">The crop does not fit the resized image.</exception>
    /// <exception cref="ArgumentException"><paramref name="chw"/> has another length.</exception>
    public void Apply(Image image, Span<float> chw)
    {
        ArgumentNullException.ThrowIfNull(image);
        new PixelNormalizer(this).Write(Fit(image), PixelShift.None, chw);
    }

    /// <summary>
    /// A copy of a network that takes 8-bit images and does the normalisation itself, by Cast, Div, Sub and Div in front of what it was: plain ONNX that any runtime takes, and to which Pith's engine
    /// gives the bits that <see cref="Apply"/> and the network give. Resizing and cropping stay outside; the copy's metadata says so. Thread-safe.
    /// </summary>
    /// <param name="graph">A network with one float input [N, C, H, W] or [N, H, W, C], C being <see cref="Channels"/>; not changed.</param>
    /// <param name="layout">The layout of the 8-bit images.</param>
    /// <returns>The network with a uint8 input of the same name.</returns>
    /// <exception cref="PithException">The network takes something else.</exception>
    public Graph FoldInto(Graph graph, ImageLayout layout = ImageLayout.Nchw)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return PreprocessingFold.Apply(Checked(), graph, layout);
    }

    /// <summary>Reads what a user says: a name of <see cref="PreprocessingCatalog"/>, the path of a JSON file, a JSON object, or fields such as <c>resize=299,crop=299,mean=0.5,std=0.5,bgr,bicubic</c>; see <see cref="PreprocessingText"/>.</summary>
    /// <exception cref="PithException">The text is none of these, or a value is out of range.</exception>
    public static Preprocessing Parse(string text) => PreprocessingText.Parse(text);

    /// <summary>A compact JSON object from which <see cref="FromJson"/> restores an equal value.</summary>
    public string ToJson() => PreprocessingJson.Write(this);

    /// <summary>Restores a value written by <see cref="ToJson"/>.</summary>
    /// <exception cref="PithException">The text is not a JSON object, has an unknown or missing field, or a value that makes no sense.</exception>
    public static Preprocessing FromJson(string json) => PreprocessingJson.Read(json);

    /// <summary>Resizes, crops and converts the channels; still 8-bit.</summary>
    internal Image Fit(Image image)
    {
        var geometry = Geometry.Of(this, image.Width, image.Height);
        var fitted = Resampling.Resize(image, geometry.ResizedWidth, geometry.ResizedHeight, geometry.Crop, Filter);
        return PixelChannels.Convert(fitted, Channels);
    }

    /// <summary>Throws when a value makes no sense; the message names the field as it is called in JSON.</summary>
    internal Preprocessing Checked()
    {
        if (ResizeTo is not null && ResizeShorterSide is not null) throw Wrong("resize", "a shorter side, or width and height, not both", $"{ResizeShorterSide} and {ResizeTo}");
        CheckSide("resize", ResizeShorterSide);
        CheckSize("resize", ResizeTo);
        CheckSize("crop", CenterCrop);
        var (width, height) = ResizeTo is { } size ? (size.Width, size.Height) : (ResizeShorterSide, ResizeShorterSide);
        if (CenterCrop is { } crop && (ResizeTo is null ? Math.Min(crop.Width, crop.Height) > width : crop.Width > width || crop.Height > height))
            throw Wrong("crop", $"at most the resized size ({ResizeTo?.ToString() ?? $"shorter side {width}"})", crop);
        if (!Enum.IsDefined(Filter)) throw Wrong("filter", "bilinear, bicubic or lanczos", Filter);
        if (!double.IsFinite(Scale) || Scale <= 0) throw Wrong("scale", "a number above 0, such as 0.00392156862745098 for 1/255", Scale);
        if (Mean.Count is not (1 or 3) || Mean.Any(m => !float.IsFinite(m))) throw Wrong("mean", "1 or 3 numbers", Mean);
        if (Std.Count != Mean.Count || Std.Any(s => !float.IsFinite(s) || s <= 0)) throw Wrong("std", $"{Mean.Count} numbers above 0, as many as 'mean' has", Std);
        return this;
    }

    private static void CheckSide(string field, int? side)
    {
        if (side is < 1 or > MaxSize) throw Wrong(field, $"a side of 1 to {MaxSize} pixels, or null", side);
    }

    private static void CheckSize(string field, PixelSize? size)
    {
        CheckSide(field, size?.Width);
        CheckSide(field, size?.Height);
    }

    private static PithException Wrong(string field, string expected, object? got) =>
        new($"Preprocessing field '{field}': expected {expected}, got {got}.");
}
